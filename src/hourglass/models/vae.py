"""The variational autoencoder."""

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.elbo import ELBO
from hourglass.models.shared.terms import Context, Term


class VAE(ELBO):
    """Maximises the ELBO, ``E[log p(x | z)] - KL(q(z | x) || N(0, 1))``, by one reparameterised draw per row.

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes".
    """

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 10 of the paper with L = 1: the two halves of the negative ELBO, in nats."""
        reconstruction, kl = self.halves(batch, context)
        return {"reconstruction": Term(reconstruction), **self.weigh(kl, context.kl_weight)}
