"""The Wasserstein autoencoder with an MMD penalty."""

from collections.abc import Sequence
from typing import Annotated, Any

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import mmd
from hourglass.models.shared.priors import Gaussian, Prior
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class WAE(Variant):
    """Pulls the codes of all rows together, not each row's own posterior, to N(0, 1).

    Source: Tolstikhin et al. 2018, "Wasserstein auto-encoders", algorithm 2.
    """

    couples_rows = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        penalty: Annotated[float, Setting("weight of the discrepancy (lambda)", gt=0, le=1_000_000)] = 10.0,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.penalty = penalty
        self.prior: Prior = Gaussian(self.latent)

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``|x - x'|^2 + lambda MMD(z, N(0, 1))``."""
        z = self.encode(batch.x)["z"]
        prior = self.prior.draw(len(z), context.generator)
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "mmd": Term(mmd(z, prior), self.penalty),
        }
