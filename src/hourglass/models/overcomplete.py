"""The overcomplete autoencoder."""

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any

from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import gaussian
from hourglass.models.shared.jacobians import squared_jacobian
from hourglass.models.shared.nets import running_statistics
from hourglass.models.shared.running import Running
from hourglass.models.shared.sharing import averaged, whole
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting

_LEAST_SIZE = 1e-6


class Overcomplete(Variant):
    """A code wider than the row, which would learn to copy: noise, sparsity or contraction keep it from that.

    Source: Goodfellow, Bengio & Courville 2016, "Deep learning", section 14.2.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: Annotated[
            int | None, Setting("width of the code, above the row's; null: twice that", ge=1, le=65_536)
        ] = None,
        noise: Annotated[
            float, Setting("standard deviation of normal noise on the rows, in training", ge=0, le=100)
        ] = 0.2,
        sparsity: Annotated[float, Setting("weight of the codes' L1 norm by their size", ge=0, le=1_000_000)] = 0.0,
        contraction: Annotated[float, Setting("weight of the encoder's squared Jacobian", ge=0, le=1_000_000)] = 0.0,
        **settings: Any,
    ) -> None:
        features = prod(shape)
        latent = 2 * features if latent is None else latent
        if latent <= features:
            raise HourglassError(
                f"params.yaml: overcomplete.latent is {latent}, and a row has {features} values; an overcomplete code "
                "is wider: set more, or null for twice as many, or take the variant autoencoder."
            )
        if not noise + sparsity + contraction:
            raise HourglassError(
                "params.yaml: overcomplete has no regulariser, so it would learn to copy; set overcomplete.noise, "
                "sparsity or contraction above 0."
            )
        super().__init__(shape, latent=latent, **settings)
        self.noise, self.sparsity, self.contraction = noise, sparsity, contraction
        if sparsity:
            self.size = Running()
        if contraction:
            self.spread = Running()

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z)`` of the code of noisy rows, and the penalties that have a weight."""
        noisy = gaussian(batch.x, self.noise, context.generator) if self.training else batch.x
        z = self.encode(noisy)["z"]
        terms = {"reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target))}
        if self.sparsity:
            size = self.size(averaged(z.square().mean()).sqrt().clamp_min(_LEAST_SIZE), len(z))
            terms["l1"] = Term(z.abs().sum(1) / size, self.sparsity)
        if self.contraction:
            spread = self.spread(whole(z).var(0, correction=0).sum().clamp_min(_LEAST_SIZE**2), len(z))
            terms["jacobian"] = Term(self._jacobian(batch.x, context) / spread, self.contraction)
        return terms

    def _jacobian(self, x: Tensor, context: Context) -> Tensor:
        with running_statistics(self.encoder):
            return squared_jacobian(lambda rows: self.encode(rows)["z"], x, context.generator, probes=1)
