"""The importance-weighted autoencoder."""

from collections.abc import Sequence
from math import log
from typing import Annotated, Any

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl, log_normal, reparameterise
from hourglass.models.shared.sharing import rows_of_all
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting

#: Draws that are decoded at once, of all rows together, so that many draws of many rows need no more memory.
_AT_ONCE = 65_536


class IWAE(Variational):
    """Maximises a bound on log p(x) that grows tighter with the number of importance-weighted draws.

    Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders".
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        draws: Annotated[int, Setting("importance-weighted draws per row; 1 is the VAE", ge=1, le=500)] = 5,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.draws = draws

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 8 of the paper: ``-log mean_k p(x, z_k) / q(z_k | x)``; the ELBO's two halves beside it."""
        mu, logvar = self.encode(batch.x).values()
        at_once = max(_AT_ONCE // rows_of_all(len(batch)), 1)
        counts = [min(at_once, self.draws - done) for done in range(0, self.draws, at_once)]
        parts = [self._draw(batch.target, mu, logvar, count, context) for count in counts]
        log_weights, nll = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        return {
            "bound": Term(log(self.draws) - log_weights.logsumexp(1)),
            "reconstruction": Term(nll.mean(1), 0.0),
            "kl": Term(gaussian_kl(mu, logvar).sum(1), 0.0),
        }

    def _draw(self, target: Tensor, mu: Tensor, logvar: Tensor, count: int, context: Context) -> tuple[Tensor, Tensor]:
        """Give ``log p(x, z) / q(z | x)`` and ``-log p(x | z)`` of draws z, both of shape (batch, count)."""
        mu, logvar, target = (part.repeat_interleave(count, 0) for part in (mu, logvar, target))
        z = reparameterise(mu, logvar, context.generator)
        nll = self.likelihood.nll(self.decoder(z), target)
        posterior, prior = log_normal(z, mu, logvar), log_normal(z, 0 * mu, 0 * logvar)
        log_weights = context.kl_weight * (prior - posterior) - nll
        return log_weights.view(-1, count), nll.view(-1, count)
