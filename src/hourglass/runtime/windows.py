"""Windows of a series, and the way back from windows to points and from points to intervals."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def window_starts(segment: NDArray[np.int64], window: int, stride: int) -> NDArray[np.int64]:
    """Say where windows start: every `stride` points of each segment, and one that ends where the segment does.

    Parameters
    ----------
    segment : ndarray of int64, shape (points,)
        Number of the segment of each point, ascending. No window holds points of two; a segment that is shorter than a
        window has none.
    window, stride : int
        In points.
    """
    first = np.flatnonzero(np.diff(segment, prepend=-1))
    parts = []
    for start, size in zip(first, np.diff(first, append=len(segment)), strict=True):
        if size >= window:
            last = size - window
            within = np.arange(0, last + 1, stride)
            parts.append(start + (within if within[-1] == last else np.append(within, last)))
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def cut(values: NDArray[np.float64], starts: NDArray[np.int64], window: int) -> NDArray[np.float64]:
    """Copy windows out of a series of shape (points, channels): shape (windows, window, channels)."""
    if not len(starts):
        return np.zeros((0, window, values.shape[1]), values.dtype)
    view = sliding_window_view(values, window, axis=0)  # (points - window + 1, channels, window)
    return np.ascontiguousarray(np.moveaxis(view[starts], 1, 2))


class Overlap:
    """What windows that overlap say of the points that they cover (overlap-add).

    Windows may come in parts. Where the last ones come first, as they do at each point within a part, the mean is to
    the last bit that of all windows at once.

    Parameters
    ----------
    points, channels : int
    """

    def __init__(self, points: int, channels: int) -> None:
        self._sums = np.zeros((points, channels))
        self._number = np.zeros((points, channels))

    def add(self, windows: NDArray[np.floating[Any]], starts: NDArray[np.int64]) -> None:
        """Add what windows say.

        Parameters
        ----------
        windows : ndarray of shape (windows, window, channels)
            What isn't finite says nothing.
        starts : ndarray of int64, shape (windows,)
            The first point of each, ascending.
        """
        for step in range(windows.shape[1]):
            said = np.isfinite(windows[:, step])
            self._sums[starts + step] += np.where(said, windows[:, step], 0)
            self._number[starts + step] += said

    def mean(self) -> NDArray[np.float64]:
        """Give each point the mean: shape (points, channels), NaN where no window says anything."""
        with np.errstate(invalid="ignore"):
            return np.where(self._number > 0, self._sums / self._number, np.nan)


def point_scores(
    scores: NDArray[np.float64], starts: NDArray[np.int64], window: int, points: int
) -> NDArray[np.float64]:
    """Give each point the mean score of the windows that cover it; NaN where none does."""
    overlap = Overlap(points, 1)
    overlap.add(np.broadcast_to(scores[:, None, None], (len(scores), window, 1)), starts)
    return overlap.mean()[:, 0]


def intervals(above: NDArray[np.bool_], segment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the runs of points that are `above`, each within a segment: the first and the last point of every run.

    Returns
    -------
    ndarray of int64, shape (intervals, 2)
    """
    run = np.where(above, segment, -1)
    changes = np.diff(run, prepend=-1, append=-1) != 0
    borders = np.flatnonzero(changes)
    first = borders[:-1][run[borders[:-1]] >= 0] if len(borders) else borders
    last = borders[np.searchsorted(borders, first) + 1] - 1 if len(first) else first
    return np.stack([first, last], axis=1).astype(np.int64)
