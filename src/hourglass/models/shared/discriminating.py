"""What variants share whose codes a discriminator judges."""

from collections.abc import Sequence
from typing import Annotated, Any

from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.nets import critic
from hourglass.models.shared.terms import Context, Phase, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class Discriminating(Variant):
    """A variant with a discriminator, whose steps take turns with those of the autoencoder."""

    def __init__(
        self,
        shape: Sequence[int],
        *,
        discriminator: Annotated[
            list[Annotated[int, Setting("units", ge=1, le=65_536)]] | None,
            Setting("widths of the discriminator's hidden layers; null: two of 64"),
        ] = None,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        widths = [64, 64] if discriminator is None else discriminator
        self.discriminator = critic(self.latent, widths)

    def judge(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Give the discriminator's losses; no gradient reaches the encoder."""
        raise NotImplementedError

    def phases(self) -> tuple[Phase, ...]:
        """Let the autoencoder take a step, then the discriminator."""
        nets = [*self.encoder.parameters(), *self.decoder.parameters(), *self.likelihood.parameters()]
        judges = list(self.discriminator.parameters())
        return Phase("autoencoder", nets, self.losses), Phase("discriminator", judges, self.judge)

    def _logit(self, z: Tensor) -> Tensor:
        logit: Tensor = self.discriminator(z).squeeze(1)
        return logit
