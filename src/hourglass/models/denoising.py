"""The denoising autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import CORRUPTIONS, DECIBELS, OF_ROWS, SHARES, Corruption, Level, spread_out
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class Denoising(Variant):
    """Sees corrupted rows in training and rebuilds the clean ones.

    Source: Vincent et al. 2010, "Stacked denoising autoencoders", section 3.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        corruption: Annotated[Corruption, Setting("what is done to the rows")] = "gaussian",
        level: Annotated[
            float | None,
            Setting(
                "standard deviation (gaussian), dB (additive, rician, babble) or share of the values; null: moderate",
                ge=-60,
                le=120,
            ),
        ] = None,
        spread: Annotated[
            float, Setting("dB by which the level differs from row to row, at most; only in training", ge=0, le=60)
        ] = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.corruption, usual = CORRUPTIONS[corruption]
        self.name, self.spread = corruption, spread
        self.couples_rows = corruption in OF_ROWS
        self.level = usual if level is None else level
        if corruption not in DECIBELS and not 0 < self.level <= (0.95 if corruption in SHARES else 120):
            raise HourglassError(
                f"params.yaml: denoising.level is {level:g}; {corruption} takes "
                + ("a share of the values, above 0 and up to 0.95." if corruption in SHARES else "a number above 0.")
            )

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z)`` of the code of corrupted rows; in evaluation that of clean rows beside it."""
        level: Level = self.level
        if self.training and self.spread:
            level = spread_out(self.name, self.level, self.spread, batch.x, context.generator)
        noisy = self.corruption(batch.x, level, context.generator)
        terms = {"reconstruction": Term(self._nll(noisy, batch.target))}
        return terms if self.training else terms | {"clean": Term(self._nll(batch.x, batch.target), 0.0)}

    def _nll(self, x: Tensor, target: Tensor) -> Tensor:
        return self.likelihood.nll(self.decoder(self.encode(x)["z"]), target)
