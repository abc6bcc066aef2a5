"""Quantiles of columns that pass by in blocks, arrays of shape (rows, columns) of float64."""

from collections.abc import Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data.moments import Floats

#: Of a sorted run each so many-th entry stays.
_STEP = 8


class Quantiles:
    """Quantiles of each column, from sorted buffers of which two of equal weight become one (Munro & Paterson 1980).

    Rows are sorted in runs of ``8 * size``, of which each eighth stays. Up to a run answers are exact; beyond, their
    rank is off by at most ``(1 + log2(runs)) / (2 * size)`` of all rows, the logarithm rounded up: .0007 for 65 million
    rows at the usual size.

    Parameters
    ----------
    columns : int
    size : int, optional
        Rows of a buffer; by default 8192, and fewer for many columns, which `SIZE` and `CELLS` bound.
    """

    SIZE, CELLS = 8192, 2**22

    def __init__(self, columns: int, size: int | None = None) -> None:
        self.columns = columns
        self.size = size or max(64, min(self.SIZE, self.CELLS // (_STEP * max(1, columns))))
        self._run = _STEP * self.size
        self._waiting = np.empty((columns, 0))
        self._filled = 0
        self._buffers: list[Floats | None] = []
        self._thinnings = 0
        self._ranks: list[tuple[Floats, NDArray[np.int64]]] | None = None

    def update(self, columns: Floats) -> None:
        """Take rows; in how many parts they come makes no difference."""
        self._ranks = None
        start = 0
        while start < len(columns):
            part = columns[start : start + self._run - self._filled]
            self._make_room(self._filled + len(part))
            self._waiting[:, self._filled : self._filled + len(part)] = part.T
            self._filled += len(part)
            start += len(part)
            if self._filled == self._run:
                self._waiting.sort(axis=1)
                self._keep(self._thinned(self._waiting, _STEP), _STEP.bit_length() - 1)
                self._filled = 0

    def merge(self, other: "Quantiles") -> None:
        """Take what another one of the same size has seen."""
        self._ranks = None
        for level, buffer in enumerate(other._buffers):
            if buffer is not None:
                self._keep(buffer, level)
        self.update(other._waiting[:, : other._filled].T)

    def __call__(self, levels: Floats) -> Floats:
        """Give quantiles of shape (levels, columns), interpolated as ``numpy.quantile`` does."""
        found = np.empty((len(levels), self.columns))
        for column, (ranked, until) in enumerate(self._ranked()):
            place = np.asarray(levels) * (until[-1] - 1)
            below, above = (
                ranked[until.searchsorted(np.minimum(edge, until[-1] - 1), "right")]
                for edge in (np.floor(place), np.floor(place) + 1)
            )
            share = place - np.floor(place)
            found[:, column] = np.where(below == above, below, below * (1 - share) + above * share)
        return found

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give all that is kept, by name."""
        kept = {f"buffer_{level}": buffer for level, buffer in enumerate(self._buffers) if buffer is not None}
        return kept | {"waiting": self._waiting[:, : self._filled].T, "size": np.asarray(self.size)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Read what `arrays` gave."""
        waiting = np.asarray(arrays["waiting"], np.float64)
        kept = cls(waiting.shape[1], int(arrays["size"]))
        kept.update(waiting)
        for name, buffer in arrays.items():
            if name.startswith("buffer_"):
                kept._keep(np.asarray(buffer, np.float64), int(name.removeprefix("buffer_")))
        return kept

    def _make_room(self, rows: int) -> None:
        """Let so many rows wait; a whole run is taken at once where there are more than few."""
        if rows > self._waiting.shape[1]:
            wider = np.empty((self.columns, self._run if rows > self._run // _STEP else rows))
            wider[:, : self._filled] = self._waiting[:, : self._filled]
            self._waiting = wider

    def _keep(self, buffer: Floats, level: int) -> None:
        """Put a sorted buffer of weight ``2**level`` where there is none; of two make one of twice the weight."""
        self._buffers += [None] * (level + 1 - len(self._buffers))
        other = self._buffers[level]
        if other is None:
            self._buffers[level] = buffer
            return
        self._buffers[level] = None
        both = np.sort(np.concatenate([other, buffer], axis=1), axis=1)
        self._keep(self._thinned(both, 2), level + 1)

    def _thinned(self, ranked: Floats, step: int) -> Floats:
        """Keep one of so many entries: in turn the one below and the one above the middle, so that errors cancel."""
        self._thinnings += 1
        return np.ascontiguousarray(ranked[:, step // 2 - self._thinnings % 2 :: step])

    def _ranked(self) -> list[tuple[Floats, NDArray[np.int64]]]:
        """Give all that is kept of each column in order, and up to which rank of all rows each entry stands."""
        if self._ranks is None:
            parts, weights = zip(*self._parts(), strict=True)
            weight = np.repeat(np.array(weights, np.int64), [part.shape[1] for part in parts])
            self._ranks = []
            for column in range(self.columns):
                values = np.concatenate([part[column] for part in parts])
                order = values.argsort()
                self._ranks.append((values[order], weight[order].cumsum()))
        return self._ranks

    def _parts(self) -> Iterator[tuple[Floats, int]]:
        yield self._waiting[:, : self._filled], 1
        for level, buffer in enumerate(self._buffers):
            if buffer is not None:
                yield buffer, 2**level
