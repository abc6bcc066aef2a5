"""Tables of readings cut into windows, and the way back to their rows and times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import windows as windowing
from .grid import Grid, Told
from .times import Times

if TYPE_CHECKING:
    from .signal import SignalSchema

#: Names of the columns that say where a window lies.
SERIES, START, END = "series", "start", "end"


@dataclass(frozen=True)
class Cut:
    """The windows of a table of readings, and the way back to its rows.

    Parameters
    ----------
    schema : SignalSchema
    frame : DataFrame
        The readings as they were given.
    values : ndarray of float64, shape (points, channels)
        The grids of all series one after the other.
    starts : ndarray of int64, shape (windows,)
        The first point of each window.
    times : Times
        Of the rows; says how people write times.
    ns, segment : ndarray of int64, shape (points,)
        Time of each point, and the number of its segment.
    place : ndarray of int64, shape (rows,)
        The point nearest to each row; -1 where it is in no segment.
    where : DataFrame
        ``series`` (where the table names it), ``start`` and ``end`` of each window: the times of its first and last
        point.
    told : Told
        What was done to bring the readings onto the grid.
    spans : dict of str to (int, int)
        Times of the first and the last point of each series.
    """

    schema: "SignalSchema"
    frame: pd.DataFrame
    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    times: Times
    ns: NDArray[np.int64]
    segment: NDArray[np.int64]
    place: NDArray[np.int64]
    where: pd.DataFrame
    told: Told
    spans: dict[str, tuple[int, int]]

    @property
    def windows(self) -> NDArray[np.float64]:
        """All windows, of shape (windows, window, channels)."""
        return self.part(0, len(self.starts))

    @property
    def longest(self) -> int:
        """Points of the longest segment."""
        return int(np.bincount(self.segment).max(initial=0))

    def part(self, first: int, stop: int) -> NDArray[np.float64]:
        """Copy the windows from number `first` on, up to `stop`."""
        return windowing.cut(self.values, self.starts[first:stop], self.schema.window)

    def restored(
        self, parts: Iterable[tuple[int, NDArray[np.floating[Any]]]], columns: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Give the table with other values: at each row's time the mean of the windows there, interpolated.

        Parameters
        ----------
        parts : iterable of (int, ndarray of shape (windows, window, channels))
            The windows as a model rebuilt them, some at a time and the last ones first, and the number of the first of
            each part.
        columns : sequence of str
            What the channels are called, those that `frame` lacks, too; by default as in the schema.

        Returns
        -------
        DataFrame
            With all columns and rows of `frame`; a channel is missing where no window covers the row.
        """
        names = columns or self.schema.columns
        overlap = windowing.Overlap(len(self.ns), len(names))
        for first, windows in parts:
            overlap.add(windows, self.starts[first : first + len(windows)])
        points = overlap.mean()
        return self.frame.assign(**{name: self._at_rows(points[:, channel]) for channel, name in enumerate(names)})

    def first_of(self, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give each window the number of its first row, in time, that is marked; -1 where none is."""
        rows = np.flatnonzero(marked & (self.place >= 0))
        rows = rows[np.argsort(self.times.ns[rows], kind="stable")]
        rows = rows[np.argsort(self.place[rows], kind="stable")]
        after = np.searchsorted(self.place[rows], self.starts)
        found = np.append(rows, -1)[after]
        ends = self.starts + self.schema.window
        return np.where((found >= 0) & (self.place[found] < ends), found, -1)

    def scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each row the mean score of the windows that cover it; NaN where none does."""
        points = windowing.point_scores(scores, self.starts, self.schema.window, len(self.ns))
        return np.where(self.place >= 0, np.append(points, np.nan)[self.place], np.nan)

    def intervals(self, scores: NDArray[np.float64], threshold: float) -> pd.DataFrame:
        """Tell when the mean score of the windows that cover a point lies above a threshold.

        Returns
        -------
        DataFrame
            ``series`` (where the table names it), ``start`` and ``end``, the times of the first and the last point, and
            ``anomaly_score``, the highest between them; in the order of the series, then of time.
        """
        points = windowing.point_scores(scores, self.starts, self.schema.window, len(self.ns))
        runs = windowing.intervals(points > threshold, self.segment)
        found = self._located(runs[:, 0], runs[:, 1])
        found["anomaly_score"] = [float(points[first : last + 1].max()) for first, last in runs]
        return found

    def _at_rows(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Read a channel of the grid between its points at the time of each row, within the row's segment."""
        inside = self.place >= 0
        place = self.place[inside]
        offset = self.times.ns[inside] - self.ns[place]
        other = np.clip(place + np.sign(offset), 0, len(points) - 1)
        other = np.where(self.segment[other] == self.segment[place], other, place)
        share = np.abs(offset) / self.schema.period
        between = np.where(np.isnan(points[other]), points[place], points[other])
        found = np.full(len(self.place), np.nan)
        found[inside] = np.where(share == 0, points[place], (1 - share) * points[place] + share * between)
        return found

    def _located(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> pd.DataFrame:
        """Tell the series and the times of stretches of points."""
        columns: dict[str, Any] = {START: self.times.write(self.ns[first]), END: self.times.write(self.ns[last])}
        if SERIES in self.where:
            names = pd.Series(self.where[SERIES].to_numpy(), index=self.segment[self.starts])
            names = names[~names.index.duplicated()]
            columns = {SERIES: names.reindex(self.segment[first]).to_numpy()} | columns
        return pd.DataFrame(columns)


def joined(
    schema: "SignalSchema",
    frame: pd.DataFrame,
    times: Times,
    names: list[str],
    grids: list[tuple[NDArray[np.intp], Grid]],
) -> Cut:
    """Put the grids of all series one after the other and cut windows."""
    place = np.full(len(frame), -1, np.int64)
    points = segments = 0
    parts, told = [], Told()
    for rows, grid in grids:
        place[rows] = np.where(grid.place >= 0, grid.place + points, -1)
        parts.append(grid.segment + segments)
        points += len(grid.ns)
        segments += len(np.unique(grid.segment))
        told += grid.told
    ns = np.concatenate([np.zeros(0, np.int64), *(grid.ns for _, grid in grids)])
    values = np.concatenate([np.zeros((0, len(schema.columns))), *(grid.values for _, grid in grids)])
    segment = np.concatenate([np.zeros(0, np.int64), *parts])
    starts = windowing.window_starts(segment, schema.window, schema.stride)
    where: dict[str, Any] = {START: times.write(ns[starts]), END: times.write(ns[starts + schema.window - 1])}
    if schema.series is not None and schema.series in frame.columns:
        of_point = np.repeat(np.asarray(names, object), [len(grid.ns) for _, grid in grids])
        where = {SERIES: of_point[starts]} | where
    spans = {
        name: (int(grid.ns[0]), int(grid.ns[-1])) for name, (_, grid) in zip(names, grids, strict=True) if len(grid.ns)
    }
    short = np.bincount(segment)[segment[place[place >= 0]]] < schema.window
    told = replace(told, short=int(short.sum()))
    return Cut(schema, frame, values, starts, times, ns, segment, place, pd.DataFrame(where), told, spans)
