"""Readings at any times, laid out on a regular grid; where too many are missing the series is cut in segments."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Told:
    """What was done to bring readings onto a grid: how often, of each kind.

    Parameters
    ----------
    unsorted : int
        Readings that stood after a later one.
    duplicated : int
        Readings at the time of another.
    filled : int
        Missing values that were interpolated at their reading.
    interpolated : int
        Points of the grid without a reading.
    gaps : int
        Places where the series was cut.
    unread : int
        Readings without a value that could be interpolated; they are in no segment.
    short : int
        Readings in segments that are shorter than a window.
    """

    unsorted: int = 0
    duplicated: int = 0
    filled: int = 0
    interpolated: int = 0
    gaps: int = 0
    unread: int = 0
    short: int = 0

    def __add__(self, other: "Told") -> "Told":
        return Told(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def sentences(self) -> list[str]:
        """Tell what happened, a sentence for each kind that did."""
        said = {
            "unsorted": "{:,} readings stood after a later one; they were sorted by time",
            "duplicated": "{:,} readings have the time of another; the mean stands for all of them",
            "filled": "{:,} missing values were interpolated from their neighbours",
            "interpolated": "{:,} points of the grid have no reading near them; they were interpolated",
            "gaps": "{:,} gaps are longer than max_gap; the series is cut there",
            "unread": "{:,} readings have missing values over more than max_gap; they are left out",
            "short": "{:,} readings lie between gaps that are less than a window apart; no window holds them",
        }
        return [text.format(getattr(self, name)) for name, text in said.items() if getattr(self, name)]


@dataclass(frozen=True)
class Grid:
    """A series on a regular grid.

    Parameters
    ----------
    ns : ndarray of int64, shape (points,)
        When each point is.
    values : ndarray of float64, shape (points, channels)
        The mean of the readings nearest to a point; interpolated where there are none.
    segment : ndarray of int64, shape (points,)
        Number of the segment, from 0 on; between two of them readings are missing.
    place : ndarray of int64, shape (readings,)
        The point nearest to each reading, in the order given; -1 where it is in no segment.
    told : Told
    """

    ns: NDArray[np.int64]
    values: NDArray[np.float64]
    segment: NDArray[np.int64]
    place: NDArray[np.int64]
    told: Told


def regular(ns: NDArray[np.int64], values: NDArray[np.float64], *, period: int, max_gap: int) -> Grid:
    """Lay readings out on a regular grid.

    Each segment's grid starts at its first reading, so that readings that are regular already stay as they are. A
    reading counts for the nearest point. Steps that would leave more than `max_gap` points in a row without a reading
    cut the series.

    Parameters
    ----------
    ns : ndarray of int64, shape (readings,)
        In any order.
    values : ndarray of float64, shape (readings, channels)
        What isn't finite is missing.
    period : int
        Nanoseconds from one point to the next.
    max_gap : int
        Points in a row that are interpolated, at most.
    """
    order = np.argsort(ns, kind="stable")
    ns_sorted = ns[order]
    filled, readable, count = _filled(ns_sorted, values[order], period, max_gap)
    read, at = ns_sorted[readable], filled[readable]
    cuts = _missing_between(read, period) > max_gap
    points, segment = _points(read, cuts, period)
    grid_ns, grid_segment, sums, number = _gathered(read, at, points, segment, period)
    empty = number == 0
    means = sums / np.where(empty, 1, number)[:, None]
    known = np.flatnonzero(~empty)
    for channel in range(means.shape[1] if empty.any() else 0):
        means[empty, channel] = np.interp(np.flatnonzero(empty), known, means[known, channel])
    place = np.full(len(ns), -1, np.int64)
    place[order[readable]] = points
    told = Told(
        unsorted=int((np.diff(ns) < 0).sum()),
        duplicated=int((np.diff(ns_sorted) == 0).sum()),
        filled=count,
        interpolated=int(empty.sum()),
        gaps=int(cuts.sum()),
        unread=int((~readable).sum()),
    )
    return Grid(grid_ns, means, grid_segment, place, told)


def median_step(series: Sequence[NDArray[np.int64]]) -> tuple[int, int, int]:
    """Give the median time from one reading of a series to its next, their interquartile range, and their number.

    Times are in nanoseconds; all are 0 where there is no step.

    Parameters
    ----------
    series : sequence of ndarray of int64
        Each in any order; equal times count once.
    """
    steps = np.sort(np.concatenate([np.diff(np.unique(ns)) for ns in series]))
    if not len(steps):
        return 0, 0, 0
    low, middle, high = (int(steps[quarter * len(steps) // 4]) for quarter in (1, 2, 3))
    return middle, high - low, len(steps)


def _missing_between(ns: NDArray[np.int64], period: int) -> NDArray[np.int64]:
    """Count the points that lack a reading between each and the next, a half of a period being still on time."""
    missing: NDArray[np.int64] = np.maximum((np.diff(ns) + period // 2) // period - 1, 0)
    return missing


def _filled(
    ns: NDArray[np.int64], values: NDArray[np.float64], period: int, max_gap: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Interpolate values that are missing in one channel, and tell which readings are then complete."""
    filled = np.where(np.isfinite(values), values, np.nan)
    readable = np.ones(len(ns), bool)
    count = 0
    for channel in filled.T:
        missing = np.isnan(channel)
        known = np.flatnonzero(~missing)
        if len(known) == len(channel):
            continue
        after = np.searchsorted(known, np.flatnonzero(missing))
        inside = (after > 0) & (after < len(known))
        spans = np.zeros(len(after), bool)
        if len(known):
            narrow = _missing_between(ns[known], period) <= max_gap
            spans[inside] = narrow[after[inside] - 1]
        rows = np.flatnonzero(missing)[spans]
        if len(rows):
            # from one moment on, so that float64 loses nothing
            channel[rows] = np.interp(ns[rows] - ns[0], ns[known] - ns[0], channel[known])
        count += len(rows)
        readable &= ~np.isnan(channel)
    return filled, readable, count


def _points(ns: NDArray[np.int64], cuts: NDArray[np.bool_], period: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each sorted reading the number of the nearest point, segment after segment, and of its segment."""
    if not len(ns):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    segment = np.concatenate([[0], np.cumsum(cuts)]).astype(np.int64)
    first = np.flatnonzero(np.concatenate([[True], cuts]))
    last = np.concatenate([first[1:], [len(ns)]]) - 1
    within = (ns - ns[first][segment] + period // 2) // period
    sizes = within[last] + 1
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return within + starts[segment], segment


def _gathered(
    ns: NDArray[np.int64],
    values: NDArray[np.float64],
    points: NDArray[np.int64],
    segment: NDArray[np.int64],
    period: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Give the grid's times and segments, the sum of the readings of each point, and their number."""
    size = int(points[-1]) + 1 if len(points) else 0
    sums = np.zeros((size, values.shape[1]))
    np.add.at(sums, points, values)
    number = np.bincount(points, minlength=size)
    first = np.flatnonzero(np.diff(segment, prepend=-1))
    sizes = np.diff(points[first], append=size)
    grid_segment = np.repeat(np.arange(len(first)), sizes)
    within = np.arange(size) - points[first][grid_segment]
    return ns[first][grid_segment] + within * period, grid_segment, sums, number
