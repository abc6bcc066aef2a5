"""How columns go together: co-moments of every pair of columns, which merge."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Rows are measured so many at a time, whatever the blocks that they come in: sums then have the same bits.
_RUN_ROWS = 8192
_NAMES = ("rows", "mean", "squares", "products")


class Comoments:
    """Sums over the rows that have a value in both columns of a pair.

    ``rows[i, j]`` counts them, ``mean[i, j]`` and ``squares[i, j]`` are mean and squared deviations of column i over
    them, ``products[i, j]`` is the sum of the products of both deviations. Merging is exact up to rounding (Chan, Golub
    & LeVeque 1983), also far from zero.

    Parameters
    ----------
    columns : int
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._waiting: list[Floats] = []
        self.rows, self.mean, self.squares, self.products = (np.zeros((columns, columns)) for _ in _NAMES)

    def update(self, columns: Floats) -> None:
        """Take rows of shape (rows, columns); what is missing is NaN."""
        start = 0
        while start < len(columns):
            room = _RUN_ROWS - sum(map(len, self._waiting))
            self._waiting.append(columns[start : start + room])
            start += room
            if sum(map(len, self._waiting)) == _RUN_ROWS:
                self._measure()

    def merge(self, other: "Comoments") -> None:
        """Take what another one has seen."""
        self._measure()
        other._measure()
        self._merge(*(getattr(other, name) for name in _NAMES))

    def correlation(self) -> Floats:
        """Give Pearson's correlation of every pair; NaN where one is constant or fewer than three rows have both."""
        self._measure()
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            deviation = np.sqrt(self.squares / self.rows)
            found = self.products / self.rows / (deviation * deviation.T)
        found[self.rows < 3] = np.nan
        clipped: Floats = found.clip(-1, 1)
        return clipped

    def arrays(self) -> dict[str, Floats]:
        """Give all that is kept, by name."""
        self._measure()
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Self:
        """Read what `arrays` gave."""
        kept = cls(len(arrays["rows"]))
        kept.rows, kept.mean, kept.squares, kept.products = (np.asarray(arrays[name]) for name in _NAMES)
        return kept

    def _measure(self) -> None:
        if self._waiting:
            columns = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
            self._waiting = []
            with np.errstate(over="ignore", invalid="ignore"):  # numbers too large are refused by name
                self._merge(*_of(columns))

    def _merge(self, rows: Floats, mean: Floats, squares: Floats, products: Floats) -> None:
        both = self.rows + rows
        step = mean - self.mean
        share = rows / np.maximum(both, 1)
        self.squares = self.squares + squares + step**2 * self.rows * share
        self.products = self.products + products + step * step.T * self.rows * share
        self.mean = self.mean + step * share
        self.rows = both


def _of(columns: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Measure at least one row, from the first value of each column on: a constant's deviations are then truly 0."""
    away = columns - columns[0]
    mean = away.mean(axis=0)
    if not np.isnan(mean).any():
        first = columns[0]
        away -= mean
        products = away.T @ away
        full = np.ones_like(products)
        return len(columns) * full, (first + mean)[:, None] * full, np.diag(products)[:, None] * full, products
    there = ~np.isnan(columns)
    first = np.nan_to_num(columns[there.argmax(axis=0), np.arange(columns.shape[1])])
    away = columns - first
    mean = np.where(there, away, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    away, counts = np.where(there, away - mean, 0), there.astype(np.float64)
    rows = counts.T @ counts
    some = np.maximum(rows, 1)
    sums = away.T @ counts
    squares = (away**2).T @ counts - sums**2 / some
    products = away.T @ away - sums * sums.T / some
    return rows, np.where(rows > 0, sums / some + (first + mean)[:, None], 0), squares, products
