"""The FactorVAE."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch.nn.functional import softplus

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.discriminating import Discriminating
from hourglass.models.shared.divergences import gaussian_kl, reparameterise
from hourglass.models.shared.sharing import own, whole
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting


class FactorVAE(Discriminating, Variational):
    """A VAE whose units a discriminator can't tell from units that were shuffled between rows: they are independent.

    Source: Kim & Mnih 2018, "Disentangling by factorising", algorithm 2.
    """

    monitor = ("reconstruction", "kl")

    def __init__(
        self,
        shape: Sequence[int],
        *,
        gamma: Annotated[float, Setting("weight of the total correlation", gt=0, le=10_000)] = 6.0,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.gamma = gamma

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
