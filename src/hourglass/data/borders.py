"""Where rows that follow each other in a snapshot don't follow each other in time."""

from typing import Protocol

import numpy as np
import pandas as pd

from hourglass.data.sources.audio import FILE
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.cuts import END, SERIES, START
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema


class Borders(Protocol):
    """Numbers of the rows of a shard before which something begins; found block by block."""

    rows: list[int]

    def look(self, side: pd.DataFrame) -> None:
        """Look at what is known beside the next rows."""


def borders_of(schema: Schema, first_row: int) -> Borders | None:
    """Give what finds the borders of series or recordings; None: rows are neither."""
    if isinstance(schema, SignalSchema):
        return Series(schema, first_row)
    return Recordings(first_row) if isinstance(schema, AudioSchema) else None


class Recordings:
    """The rows of a shard with which a recording begins.

    Parameters
    ----------
    first_row : int
        Number of the shard's first row in the snapshot; it is a border.
    """

    def __init__(self, first_row: int) -> None:
        self.rows: list[int] = []
        self._row = first_row
        self._before: str | None = None

    def look(self, side: pd.DataFrame) -> None:
        """Look at the next rows, of which `side` has the ``file``."""
        files = side[FILE].to_numpy(object)
        begins = files != np.concatenate([[self._before], files])[:-1]
        self.rows += (self._row + np.flatnonzero(begins)).tolist()
        self._before = files[-1] if len(files) else self._before
        self._row += len(files)


class Series:
    """The rows of a shard before which a series begins, or readings are missing.

    A gap is longer than the readings that are interpolated, `SignalSchema.max_gap`, and than from a window to the next.

    Parameters
    ----------
    schema : SignalSchema
    first_row : int
        Number of the shard's first row in the snapshot; it is a border.
    """

    def __init__(self, schema: SignalSchema, first_row: int) -> None:
        self.rows: list[int] = []
        self._clock, self._row = schema.clock, first_row
        points = max(schema.stride - schema.window, schema.max_gap) + 1
        self._longest = points * schema.period + schema.period // 2
        self._before: tuple[str | None, int] = (None, 0)

    def look(self, side: pd.DataFrame) -> None:
        """Look at the next rows.

        Parameters
        ----------
        side : DataFrame
            ``series``, ``start`` and ``end`` of each, as `sources.signal.blocks` gives them.
        """
        if not len(side):
            return
        series = side[SERIES].to_numpy(object)
        start, end = (self._clock.read(side[name]).ns for name in (START, END))
        name, until = self._before
        begins = series != np.concatenate([[name], series[:-1]])
        missing = start - np.concatenate([[until], end[:-1]]) > self._longest
        self.rows += (self._row + np.flatnonzero(begins | missing)).tolist()
        self._before = (series[-1], int(end[-1]))
        self._row += len(side)
