"""The beta-VAE."""

from collections.abc import Sequence
from typing import Annotated, Any

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.elbo import ELBO
from hourglass.models.shared.terms import Context, Term
from hourglass.settings import Setting


class BetaVAE(ELBO):
    """Weighs the KL by beta (H), or holds it at a capacity that grows over the warm-up (B).

    Source: Higgins et al. 2017, "beta-VAE", equation 4; Burgess et al. 2018, "Understanding disentangling in beta-VAE",
    equation 8, where beta is called gamma.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        beta: Annotated[float, Setting("weight of the KL, or of its distance to the capacity", gt=0, le=10_000)] = 4.0,
        capacity: Annotated[
            float | None,
            Setting("nats that the KL is held at after the warm-up; null: weigh it", ge=0, le=10_000),
        ] = None,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        if capacity is not None and self.free_bits:
            raise HourglassError("params.yaml: beta_vae takes capacity or free_bits, not both; leave one out.")
        self.beta = beta
        self.capacity = capacity

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z) + beta KL``; with a capacity C, ``-log p(x | z) + beta |KL - C|``."""
        reconstruction, kl = self.halves(batch, context)
        terms = {"reconstruction": Term(reconstruction)}
        if self.capacity is None:
            return terms | self.weigh(kl, self.beta * context.kl_weight)
        per_row = kl.sum(1)
        excess = (per_row - self.capacity * context.kl_weight).abs()
        return terms | {"kl": Term(per_row, 0.0), "excess": Term(excess, self.beta)}
