"""The importance-weighted autoencoder."""

from collections.abc import Sequence
from math import log
from typing import Annotated, Any

from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl, log_normal, reparameterise
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting


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
        bound, reconstruction = self._bound(batch, mu, logvar, context)
        return {
            "bound": Term(bound),
            "reconstruction": Term(reconstruction, 0.0),
            "kl": Term(gaussian_kl(mu, logvar).sum(1), 0.0),
        }

    def _bound(self, batch: Batch, mu: Tensor, logvar: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        mu, logvar, target = (part.repeat_interleave(self.draws, 0) for part in (mu, logvar, batch.target))
        z = reparameterise(mu, logvar, context.generator)
        nll = self.likelihood.nll(self.decoder(z), target)
        posterior, prior = log_normal(z, mu, logvar), log_normal(z, 0 * mu, 0 * logvar)
        log_weights = (context.kl_weight * (prior - posterior) - nll).view(len(batch), self.draws)
        return log(self.draws) - log_weights.logsumexp(1), nll.view(len(batch), self.draws).mean(1)
