"""What variants share that maximise the ELBO."""

from collections.abc import Sequence
from typing import Annotated, Any

from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import above_free, gaussian_kl, reparameterise
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting


class ELBO(Variational):
    """A variant whose loss is made of the two halves of the negative ELBO.

    Free bits: Kingma et al. 2016, "Improving variational inference with inverse autoregressive flow", equation 15.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        free_bits: Annotated[float, Setting("nats of each unit's KL that cost nothing", ge=0, le=100)] = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.free_bits = free_bits
        self.couples_rows = free_bits > 0

    def halves(self, batch: Batch, context: Context) -> tuple[Tensor, Tensor]:
        """Give ``-log p(target | z)`` of one draw z for each row, of shape (batch,), and the KL, (batch, latent)."""
        mu, logvar = self.encode(batch.x).values()
        z = reparameterise(mu, logvar, context.generator)
        return self.likelihood.nll(self.decoder(z), batch.target), gaussian_kl(mu, logvar)

    def weigh(self, kl: Tensor, weight: float | Tensor) -> dict[str, Term]:
        """Weigh the KL, of shape (batch, latent), or what of it is above the free bits."""
        if not self.free_bits:
            return {"kl": Term(kl.sum(1), weight)}
        return {"kl": Term(kl.sum(1), 0.0), "kl_above_free": Term(above_free(kl, self.free_bits).sum(1), weight)}
