"""Where windows that follow each other in a snapshot don't follow each other in time."""

import numpy as np
import pandas as pd

from hourglass.runtime.cuts import END, SERIES, START
from hourglass.runtime.signal import SignalSchema


class Borders:
    """The rows of a shard before which a series begins, or readings are missing; found block by block.

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
