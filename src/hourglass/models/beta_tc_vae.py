"""The beta-TCVAE."""

from collections.abc import Sequence
from typing import Annotated, Any

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import log_mixture, log_mixture_of_units, log_normal, reparameterise
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variational import Variational
from hourglass.settings import Setting


class BetaTCVAE(Variational):
    """Takes the KL apart and weighs one part more: the total correlation, what units tell of each other.

    Source: Chen et al. 2018, "Isolating sources of disentanglement in VAEs", equation 4, with minibatch-weighted
    sampling (equation S4) as if the batch were all rows: the number of rows only adds constants.
    """

    couples_rows = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        beta: Annotated[float, Setting("weight of the total correlation", gt=0, le=10_000)] = 6.0,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.beta = beta

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z) + I(x; z) + beta TC(z) + sum_j KL(q(z_j) || N(0, 1))``, of one draw per row."""
        mu, logvar = self.encode(batch.x).values()
        z = reparameterise(mu, logvar, context.generator)
        own, joint = log_normal(z, mu, logvar), log_mixture(z, mu, logvar)
        units = log_mixture_of_units(z, mu, logvar)
        prior = log_normal(z, 0 * mu, 0 * logvar)
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "index_code_mi": Term(own - joint, context.kl_weight),
            "total_correlation": Term(joint - units, self.beta * context.kl_weight),
            "unit_kl": Term(units - prior, context.kl_weight),
        }
