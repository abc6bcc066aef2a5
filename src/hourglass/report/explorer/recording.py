"""Held-out rows as the explorer keeps them, and how any rows are packed for the page."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation.parts import mapped
from hourglass.params import Params
from hourglass.report import pictures
from hourglass.report.explorer import packing
from hourglass.report.facts import Data, Facts
from hourglass.runtime import Model

#: The longest side of pictures that are recorded, in pixels.
_PIXELS = 64


@dataclass(frozen=True)
class Shown:
    """Held-out rows that can be pointed at.

    Parameters
    ----------
    chosen : ndarray of shape (rows,)
        Their places among the rows of the latent map.
    given : sequence
        As people have them, by split.
    x : ndarray of shape (rows, *shape)
        In the nets' units.
    label, index : ndarray of shape (rows,)
    known : ndarray of shape (rows, known)
        What a conditional model is told of them.
    """

    chosen: NDArray[np.int64]
    given: list[Any]
    x: NDArray[np.float32]
    label: NDArray[np.int64]
    index: NDArray[np.int64]
    known: NDArray[np.float32]

    @classmethod
    def of(cls, dataset: Dataset, params: Params, most: int) -> "Shown":
        """Take rows evenly from those on the latent map."""
        places = mapped(dataset, params.evaluate.map_rows, params.seed)
        total = sum(map(len, places.values()))
        chosen = np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(np.int64))
        found, start = [], 0
        for split, there in places.items():
            own = chosen[(chosen >= start) & (chosen < start + len(there))] - start
            start += len(there)
            if len(own):
                found.append(dataset.take(split, there[own]))
        return cls(
            chosen,
            [dataset.as_given(rows) for rows in found],
            np.concatenate([dataset.normaliser(rows.x) for rows in found]),
            *(np.concatenate([getattr(rows, name) for rows in found]) for name in ("label", "index", "condition")),
        )

    def rebuilt(self, model: Model) -> NDArray[np.float32]:
        """Rebuild the rows by the package, in the nets' units."""
        residuals: NDArray[np.float32] = np.concatenate([model.residuals(rows) for rows in self.given])
        return self.x + residuals

    def scores(self, model: Model) -> NDArray[np.float64]:
        """Score the rows by the package."""
        return np.concatenate([model.anomaly_score(rows) for rows in self.given])


@dataclass(frozen=True)
class Recorder:
    """Packs rows as the page draws them: images as the pixels of the report, all else in the nets' units."""

    data: Data
    scale: pictures.Scale

    @classmethod
    def of(cls, facts: Facts) -> "Recorder":
        """Take the report's scale of grey."""
        return cls(facts.data, pictures.Scale.of(facts.data, facts.variants))

    def bytes_of_row(self, one: NDArray[np.float32]) -> int:
        """Tell how much room a row takes before it is compressed."""
        return int(self._content(one[None]).nbytes)

    def record(self, x: NDArray[np.float32]) -> dict[str, Any]:
        """Pack rows of shape (rows, *shape)."""
        return packing.array(self._content(x))

    def _content(self, x: NDArray[np.float32]) -> NDArray[Any]:
        if self.data.drawn != "image":
            return x.reshape(len(x), -1)
        shown = np.stack([pictures.shrunk(pictures.pixels(self.data, self.scale, one), _PIXELS) for one in x])
        coloured = self.data.kind == "image" and self.data.shape[0] >= 3
        return shown[..., :3] if coloured else shown[..., :1]
