"""The FactorVAE."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl, reparameterise
from hourglass.models.shared.nets import critic
from hourglass.models.shared.sharing import own, whole
from hourglass.models.shared.terms import Context, Phase, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting


class FactorVAE(Variational):
    """A VAE whose units a discriminator can't tell from units that were shuffled between rows: they are independent.

    Source: Kim & Mnih 2018, "Disentangling by factorising", algorithm 2.
    """

    monitor = ("reconstruction", "kl")

    def __init__(
        self,
        shape: Sequence[int],
        *,
        gamma: Annotated[float, Setting("weight of the total correlation", gt=0, le=10_000)] = 6.0,
        discriminator: Annotated[
            list[Annotated[int, Setting("units", ge=1, le=65_536)]] | None,
            Setting("widths of the discriminator's hidden layers; null: two of 64"),
        ] = None,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.gamma = gamma
        widths = [64, 64] if discriminator is None else discriminator
        self.discriminator = critic(self.latent, widths)

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 2 of the paper: the negative ELBO, and the logit, which estimates ``log q(z) / prod_j q(z_j)``."""
        mu, logvar = self.encode(batch.x).values()
        z = reparameterise(mu, logvar, context.generator)
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "kl": Term(gaussian_kl(mu, logvar).sum(1), context.kl_weight),
            "total_correlation": Term(self._logit(z), self.gamma * context.kl_weight),
        }

    def judge(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log D(z) - log(1 - D(shuffled z))``, half and half, on logits."""
        mu, logvar = (part.detach() for part in self.encode(batch.x).values())
        z = reparameterise(mu, logvar, context.generator)
        rows = whole(z)
        order = torch.rand(rows.shape, generator=context.generator, device=z.device).argsort(0)
        shuffled = own(rows.gather(0, order))
        return {"discriminator": Term(0.5 * (softplus(-self._logit(z)) + softplus(self._logit(shuffled))))}

    def phases(self) -> tuple[Phase, ...]:
        """Let the autoencoder take a step, then the discriminator."""
        nets = [*self.encoder.parameters(), *self.decoder.parameters(), *self.likelihood.parameters()]
        judges = list(self.discriminator.parameters())
        return Phase("autoencoder", nets, self.losses), Phase("discriminator", judges, self.judge)

    def _logit(self, z: Tensor) -> Tensor:
        logit: Tensor = self.discriminator(z).squeeze(1)
        return logit
