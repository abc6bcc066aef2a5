"""The regularised autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.jacobians import squared_jacobian
from hourglass.models.shared.nets import running_statistics
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class RAE(Variant):
    """A deterministic autoencoder whose codes stay small and whose decoder stays smooth; its density is fitted after.

    Source: Ghosh et al. 2020, "From variational to deterministic autoencoders", equations 10 and 12 (RAE-GP).
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        code_weight: Annotated[float, Setting("weight of the codes' squared norm", gt=0, le=10_000)] = 1e-2,
        gradient_weight: Annotated[float, Setting("weight of the decoder's squared Jacobian", gt=0, le=10_000)] = 1e-3,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.code_weight = code_weight
        self.gradient_weight = gradient_weight

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z) + w |z|^2 / 2 + v |dx'/dz|^2``."""
        z = self.encode(batch.x)["z"]
        with running_statistics(self.decoder):
            gradient = squared_jacobian(self.decode, z, context.generator, probes=1)
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "code": Term(0.5 * z.square().sum(1), self.code_weight),
            "gradient": Term(gradient, self.gradient_weight),
        }
