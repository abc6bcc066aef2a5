"""The contractive autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.jacobians import squared_jacobian
from hourglass.models.shared.nets import running_statistics
from hourglass.models.shared.running import Running
from hourglass.models.shared.sharing import whole
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting

_LEAST_SPREAD = 1e-12


class Contractive(Variant):
    """Codes that move little when the row does: the encoder's Jacobian is kept small.

    Source: Rifai et al. 2011, "Contractive auto-encoders". The paper ties the decoder to the encoder's weights, else
    codes could just be scaled down; here the Jacobian is taken relative to the codes' variance, which serves any net.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        contraction: Annotated[float, Setting("weight of the squared Jacobian (lambda)", gt=0, le=1_000_000)] = 0.01,
        probes: Annotated[int, Setting("passes for the Jacobian; exact from the latent width on", ge=1, le=4096)] = 1,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.contraction = contraction
        self.probes = probes
        self.spread = Running()

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """J_CAE of the paper: ``-log p(x | z) + lambda |dz/dx|^2``, the latter by the variance of z."""
        z = self.encode(batch.x)["z"]
        spread = self.spread(whole(z).var(0, correction=0).sum().clamp_min(_LEAST_SPREAD), len(z))
        return {
            "reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target)),
            "jacobian": Term(self._jacobian(batch.x, context) / spread, self.contraction),
        }

    def _jacobian(self, x: Tensor, context: Context) -> Tensor:
        with running_statistics(self.encoder):
            return squared_jacobian(lambda rows: self.encode(rows)["z"], x, context.generator, probes=self.probes)
