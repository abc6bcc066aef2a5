"""The variational autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl, reparameterise
from hourglass.models.shared.likelihoods import LikelihoodName, bounded_logvar
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class VAE(Variant):
    """Maximises the ELBO, ``E[log p(x | z)] - KL(q(z | x) || N(0, 1))``, by one reparameterised draw per row.

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes".
    """

    per_unit = 2
    monitor = ("reconstruction", "kl")
    has_prior = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        likelihood: Annotated[LikelihoodName, Setting("p(x | z)")] = "gaussian",
        **settings: Any,
    ) -> None:
        super().__init__(shape, likelihood=likelihood, **settings)

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Give the posterior's mean as ``"z"`` and its ``"logvar"``, both of shape (batch, latent)."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return {"z": mu, "logvar": bounded_logvar(logvar)}

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 10 of the paper with L = 1: the two halves of the negative ELBO, in nats."""
        mu, logvar = self.encode(batch.x).values()
        z = reparameterise(mu, logvar, context.generator)
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "kl": Term(gaussian_kl(mu, logvar).sum(1), weight=context.kl_weight),
        }
