"""Tables of readings in a model of series: the windows that it takes, and what is said of times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .conditioning import Conditioning
from .cuts import Cut
from .schema import ROWS, Schema, table_of
from .signal import SignalSchema

#: Windows that are in memory at once.
AT_ONCE = 4096


@dataclass(frozen=True)
class Series:
    """The channels of a model, and those that it is told.

    Parameters
    ----------
    schema : SignalSchema
        The channels that it rebuilds.
    told : SignalSchema or None
        Those that come beside them.
    """

    schema: SignalSchema
    told: SignalSchema | None

    @classmethod
    def of(cls, schema: Schema, conditioning: Conditioning | None) -> "Series | None":
        """Give the series of a model; None where its rows are no windows."""
        if not isinstance(schema, SignalSchema):
            return None
        return cls(schema, conditioning.readings if conditioning else None)

    @property
    def readings(self) -> SignalSchema:
        """What a table of readings has to hold and how it is cut."""
        return self.schema if self.told is None else self.schema.beside(self.told)

    def cut(self, rows: Any) -> "Windows | None":
        """Cut a table of readings; None where rows are windows already."""
        table = readings_of(rows, self.readings)
        return None if table is None else Windows(self.readings.cut(table), self)


@dataclass(frozen=True)
class Windows:
    """A table of readings, cut into the windows that a model takes.

    Parameters
    ----------
    cut : Cut
    series : Series
    """

    cut: Cut
    series: Series

    @property
    def where(self) -> pd.DataFrame:
        """Series, start and end of each window."""
        return self.cut.where

    def part(self, first: int = 0, stop: int | None = None) -> Any:
        """Give windows as the model takes them: alone, or with those of the channels that it is told."""
        windows = self.cut.part(first, len(self.cut.starts) if stop is None else stop)
        if self.series.told is None:
            return windows
        own = len(self.series.schema.columns)
        return {ROWS: windows[..., :own], self.series.told.name: windows[..., own:]}

    def parts(self, first_row: int) -> Iterator[tuple[Any, int]]:
        """Give all windows, some at a time, for they overlap and are many, and the number of the first of each.

        Where there are none, there is one empty part.
        """
        for at in _starts(self.cut):
            yield self.part(at, at + AT_ONCE), first_row + at

    def restored(self, make: Callable[[Any, int], NDArray[np.floating[Any]]]) -> pd.DataFrame:
        """Give the table with what is made of its windows; `make` takes some and the number of the first."""
        made = ((at, make(self.part(at, at + AT_ONCE), at)) for at in reversed(_starts(self.cut)))
        return self.cut.restored(made, self.series.schema.columns)

    def points(self, scores: NDArray[np.float64], threshold: float) -> pd.DataFrame:
        """Judge each reading by the scores of the windows that cover it; see `Model.points`."""
        of_row = self.cut.scores(scores)
        valid = ~np.isnan(of_row)
        anomalous = pd.array(of_row > threshold, dtype="boolean")
        anomalous[~valid] = pd.NA
        found = {"anomaly_score": of_row, "is_anomaly": anomalous, "valid": valid}
        return pd.DataFrame(found, index=self.cut.frame.index)

    def intervals(self, scores: NDArray[np.float64], threshold: float) -> pd.DataFrame:
        """Tell when readings lie above a threshold; see `Model.intervals`."""
        return self.cut.intervals(scores, threshold)


def readings_of(rows: Any, schema: SignalSchema) -> pd.DataFrame | None:
    """Give rows as a table of readings, which may be lists by column or a list of rows by name; None of windows."""
    if isinstance(rows, pd.DataFrame):
        return rows
    one = rows[0] if isinstance(rows, list) and rows else rows
    return table_of(rows) if isinstance(one, dict) and schema.time in one else None


def made_of(
    told: Cut, schema: SignalSchema, make: Callable[[NDArray[np.float64], int], NDArray[np.floating[Any]]]
) -> pd.DataFrame:
    """Give the table of channels that are told with those that a model makes of them.

    Parameters
    ----------
    told : Cut
    schema : SignalSchema
        The channels that it makes.
    make : callable
        Takes windows and the number of the first.
    """
    made = ((at, make(told.part(at, at + AT_ONCE), at)) for at in reversed(_starts(told)))
    return told.restored(made, schema.columns)


def _starts(cut: Cut) -> range:
    """Say where parts of the windows start; at 0 where there are none."""
    return range(0, max(1, len(cut.starts)), AT_ONCE)
