"""Alarms of a batch that doesn't fit in memory: all its p-values are counted, then each row is judged by them.

What `Model.screen` does with rows in memory. A row's adjusted p-value depends on all rows, so these are judged first,
and their files written once more.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.errors import HourglassError
from hourglass.files import whole
from hourglass.runtime import Model
from hourglass.runtime.alarms import adjusted_values, require_share
from hourglass.use import signals
from hourglass.use.reading import is_text

P_VALUE, ADJUSTED, ALARM = "p_value", "adjusted_p_value", "is_anomaly"
#: P-values that are counted at once.
_AT_ONCE = 2**16


def require_screenable(model: Model, share: float) -> None:
    """Refuse what can't be screened before anything is judged.

    Raises
    ------
    HourglassError
        Readings of series have no p-value.
    InputError
        The share decides nothing.
    """
    require_share(share)
    if signals.is_of_series(model):
        raise HourglassError("--share is for rows with p-values, and readings of series have none; leave it out.")


def awaiting(judged: pd.DataFrame) -> pd.DataFrame:
    """Put the column into a judgement that `Screen` fills, where `Model.screen` has it."""
    judged.insert(list(judged).index(P_VALUE) + 1, ADJUSTED, np.nan)
    return judged


class Screen:
    """The p-values of a batch, and which rows are alarms of which at most a share is false on average.

    Memory is that of different p-values, at most one more than there are calibration rows.

    Parameters
    ----------
    share : float
        As of `Model.screen`.
    files : iterable of Path
        ``.csv`` or ``.parquet``, all rows of the batch; judged, with the column of `awaiting`.
    """

    def __init__(self, share: float, files: Iterable[Path]) -> None:
        counts: Counter[float] = Counter()
        for file in files:
            for found in _p_values(file):
                values, times = np.unique(found[~np.isnan(found)], return_counts=True)
                counts.update(dict(zip(values.tolist(), times.tolist(), strict=True)))
        self._share = share
        self._values = np.array(sorted(counts), np.float64)
        self._adjusted = adjusted_values(self._values, np.array([counts[value] for value in self._values], np.int64))

    def __call__(self, p_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Adjust p-values of the batch; NaN stays."""
        found = np.full(len(p_values), np.nan)
        known = ~np.isnan(p_values)
        found[known] = self._adjusted[np.searchsorted(self._values, p_values[known])]
        return found

    def write(self, file: Path, out: Path) -> int:
        """Write a file of the batch with what its rows are; whole or absent. Give the number of alarms.

        Parameters
        ----------
        file : Path
            One of the files; it stays as it is.
        out : Path
            Of the same form.
        """
        with whole(out) as path:
            return self._text(file, path) if is_text(file) else self._columns(file, path)

    def _text(self, file: Path, out: Path) -> int:
        alarms = 0
        with _cells(file) as rows, out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            header = next(rows)
            writer.writerow(header)
            p, adjusted, alarm = (header.index(name) for name in (P_VALUE, ADJUSTED, ALARM))
            said = self._said()
            for row in rows:
                row[adjusted], row[alarm] = said[row[p]]
                alarms += row[alarm] == "True"
                writer.writerow(row)
        return alarms

    def _said(self) -> dict[str, tuple[str, str]]:
        """Say in text what rows with each p-value get; those without one nothing."""
        pairs = zip(self._values.tolist(), self._adjusted.tolist(), strict=True)
        return {str(p): (str(adjusted), str(adjusted <= self._share)) for p, adjusted in pairs} | {"": ("", "")}

    def _columns(self, file: Path, out: Path) -> int:
        import pyarrow as pa
        from pyarrow import parquet

        alarms = 0
        with parquet.ParquetFile(file) as given, parquet.ParquetWriter(out, given.schema_arrow) as writer:
            for number in range(given.num_row_groups):
                table = given.read_row_group(number)
                adjusted = self(_numbers(table[P_VALUE]))
                alarm = adjusted <= self._share
                alarms += int(alarm.sum())
                filled = {
                    ADJUSTED: pa.array(adjusted, from_pandas=True),
                    ALARM: pa.array(alarm, mask=np.isnan(adjusted)),
                }
                for name, column in filled.items():
                    table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
                writer.write_table(table, row_group_size=len(table))
        return alarms


def _p_values(file: Path) -> Iterator[NDArray[np.float64]]:
    """Read the p-values of a file, some at a time."""
    if is_text(file):
        with _cells(file) as rows:
            at = next(rows).index(P_VALUE)
            cells = (float(row[at] or "nan") for row in rows)
            while len(some := np.fromiter(islice(cells, _AT_ONCE), np.float64)):
                yield some
    else:
        from pyarrow import parquet

        with parquet.ParquetFile(file) as given:
            for batch in given.iter_batches(_AT_ONCE, columns=[P_VALUE]):
                yield _numbers(batch[P_VALUE])


def _numbers(column: Any) -> NDArray[np.float64]:
    """Read a column of Arrow; what is missing is NaN."""
    numbers: NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return numbers.astype(np.float64)


@contextmanager
def _cells(file: Path) -> Iterator[Iterator[list[str]]]:
    """Read the cells of a text that was written by ours, however long they are."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            yield csv.reader(stream)
    finally:
        csv.field_size_limit(limit)
