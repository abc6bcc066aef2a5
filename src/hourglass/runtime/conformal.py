"""Thresholds and p-values that hold for any score and any distribution.

Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world"; Laxhammar & Falkman 2010 for anomaly
detection. If a new normal row and the calibration rows are exchangeable, it raises an alarm with probability at most
alpha.
"""

from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

#: Scores that are looked up at once, and how many are worth a table of cells; its cells, about, as a power of 2.
_AT_ONCE, _CELLS = 2**14, 16


def threshold(calibration: NDArray[np.float64], alpha: float) -> float:
    """Give the score above which a row is anomalous: the ``ceil((n + 1)(1 - alpha))``-th smallest of n.

    Raises
    ------
    InputError
        There are too few calibration rows: n + 1 < 1 / alpha.
    """
    n = len(calibration)
    # rounding first: (n + 1) * (1 - alpha) may lie an ulp above the integer that it is
    rank = ceil(round((n + 1) * (1 - alpha), 9))
    if rank > n:
        raise InputError(
            f"{n} calibration rows are too few for alpha = {alpha:g}: at least {ceil(round(1 / alpha, 9)) - 1} are "
            "needed; give more rows, a larger split.calibration or a larger anomaly.alpha."
        )
    return float(np.sort(calibration)[rank - 1])


def p_values(scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the conformal p-value of each score: ``(1 + #{calibration >= score}) / (n + 1)``.

    Parameters
    ----------
    scores : ndarray of shape (rows,)
    calibration : ndarray of shape (n,)
        Sorted in ascending order.
    """
    at_least = len(calibration) - np.searchsorted(calibration, scores, side="left")
    return (1 + at_least) / (len(calibration) + 1)


class PValues:
    """`p_values` of many scores: looked up in cells, and searched for only in those that hold calibration scores.

    A cell is the upper bits of a score as float32, which rise with it.

    Parameters
    ----------
    calibration : ndarray of shape (n,)
        Sorted in ascending order.
    """

    def __init__(self, calibration: NDArray[np.float64]) -> None:
        self.calibration = calibration

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the p-value of each score; of NaN any."""
        if len(scores) < _AT_ONCE or np.signbit(self.calibration[0]):  # then bits fall
            return p_values(scores, self.calibration)
        found = np.empty(len(scores))
        for start in range(0, len(scores), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = self._values[self._below(scores[part])]
        return found

    def _below(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count the calibration scores below each score."""
        below = self._table[self._cells(scores)]
        unsure = np.flatnonzero(below < 0)
        below[unsure] = np.searchsorted(self.calibration, scores[unsure], side="left")
        return below

    def _cells(self, scores: NDArray[np.float64]) -> NDArray[np.int32]:
        first, last, shift = self._range
        return (_bits(scores) >> shift).clip(first, last) - first

    @cached_property
    def _range(self) -> tuple[int, int, int]:
        """The cells before the first calibration score and after the last, and the bits that a cell leaves out."""
        first, last = (int(bits) for bits in _bits(self.calibration[[0, -1]]))
        shift = max(0, (last - first).bit_length() - _CELLS)
        return (first >> shift) - 1, (last >> shift) + 1, shift

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        """How many calibration scores lie below a cell; -1 where some lie in it."""
        first, last, _ = self._range
        inside = np.bincount(self._cells(self.calibration), minlength=last - first + 1)
        return np.where(inside > 0, -1, inside.cumsum())

    @cached_property
    def _values(self) -> NDArray[np.float64]:
        """The p-value by how many calibration scores lie below."""
        n = len(self.calibration)
        return (1 + np.arange(n, -1, -1)) / (n + 1)


def _bits(scores: NDArray[np.float64]) -> NDArray[np.int32]:
    with np.errstate(over="ignore"):  # what float32 can't hold lies beyond the last cell
        return scores.astype(np.float32).view(np.int32)
