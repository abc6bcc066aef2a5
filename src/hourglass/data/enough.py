"""Whether a data set can be made of rows: what ingest refuses, and `hourglass data` before it replaces a snapshot."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data import fit, schemas, split, surveying
from hourglass.data.labels import Labels
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime.cuts import END
from hourglass.runtime.table import Column


def require_splits(normal: Collection[str], rows: int, splitting: SplitParams) -> None:
    """Refuse rows of which a split has no normal one.

    Parameters
    ----------
    normal : collection of str
        The splits that have one.
    rows : int
        All there are.
    splitting : SplitParams
    """
    for name in SPLITS:
        if name not in normal:
            groups = f", and those of one {splitting.column!r} stay together" if splitting.by == "group" else ""
            raise HourglassError(
                f"the split {name!r} has no normal row ({rows} rows in all{groups}); give more data or a larger "
                f"split.{name}."
            )


class Inspection:
    """Judges rows block by block, while they are read for something else.

    What depends on settings of single columns, such as gaps that may be filled, speaks against nothing.

    Parameters
    ----------
    data : DataParams
    splitting : SplitParams
    """

    def __init__(self, data: DataParams, splitting: SplitParams) -> None:
        self._data, self._splitting = data, splitting
        self._is_done = False
        self._rows = self._unusable = 0
        self._infinite: Counter[str] = Counter()
        self._normal: set[str] = set()
        #: Of a split by time, which is settled by all rows: what it goes by, and which rows are normal and usable.
        self._waiting: list[tuple[Raw, NDArray[np.bool_]]] = []

    def watch(self, blocks: Iterable[Raw]) -> Iterator[Raw]:
        """Pass all blocks on, and judge them where that isn't done.

        Raises
        ------
        HourglassError
            A number is too large to be measured, or no column is left to model.
        """
        for block in blocks:
            if not self._is_done:
                self._judge(block)
            yield block
        self._is_done = True

    def _judge(self, block: Raw) -> None:
        columns = self._columns(block)
        fit.require_measurable(block, columns, self._rows)
        unusable = fit.missing(block, columns, self._data)
        if unusable.any():
            for name, column in columns.items():
                self._infinite[name] += int(np.isinf(column.read(block.side[name])).sum())
        self._place(block, ~unusable)
        self._unusable += int(unusable.sum())
        self._rows += len(block.rows)

    def require(self, facts: surveying.Facts) -> None:
        """Refuse rows that no data set can be made of, whatever is set of single columns.

        Raises
        ------
        HourglassError
            No column can be modelled, too many rows have infinite values, or a split has no normal row.
        """
        schemas.require_modelled(facts, self._data, self._splitting.column)
        name = max(self._infinite, key=self._infinite.__getitem__, default=None)
        fit.require_few_missing(
            self._unusable,
            self._rows,
            self._data.max_invalid,
            f" ({self._infinite[name]} in column {name!r})" if name is not None else "",
        )
        self._place_by_time()
        require_splits(self._normal, self._rows, self._splitting)

    def _columns(self, block: Raw) -> dict[str, Column]:
        """Give the columns of numbers that a model sees or is told; gaps in them count nothing."""
        seen = surveying.features(block, self._data, self._splitting.column)
        names = [*(seen.columns if block.kind == "table" else ()), *self._data.condition]
        return {
            name: Column(name, "number", impute="mean")
            for name in dict.fromkeys(names)
            if name in block.side and block.side[name].dtype.kind == "f" and self._is_number(name)
        }

    def _is_number(self, name: str) -> bool:
        column = self._data.columns.get(name)
        return name != self._data.label and (column is None or column.type in ("auto", "number", "ignore"))

    def _place(self, block: Raw, usable: NDArray[np.bool_]) -> None:
        """Note which splits have a normal row, until all have one."""
        if len(self._normal) == len(SPLITS):
            return
        labels = Labels.of(block, self._data, self._rows)
        if self._splitting.by == "time":
            split.require_placed(block, self._splitting, self._rows)
            self._waiting.append((_thin(block, self._splitting), usable & ~labels.is_anomaly))
            return
        hashes = np.zeros(len(usable), np.uint64)  # by another rule they place anomalies alone
        if self._splitting.by == "hash":
            hashes = split.row_hashes(
                surveying.features(block, self._data, self._splitting.column), self._splitting.salt
            )
        splits = split.Rule(self._splitting).assign(block, hashes, labels.is_anomaly, self._rows)
        self._count(splits[usable & ~labels.is_anomaly])

    def _place_by_time(self) -> None:
        if not self._waiting:
            return
        rule = split.Rule.of((block for block, _ in self._waiting), self._splitting)
        for block, normal in self._waiting:
            none = np.zeros(len(normal), np.uint64)
            self._count(rule.assign(block, none, np.zeros(len(normal), bool))[normal])

    def _count(self, splits: NDArray[np.int8]) -> None:
        self._normal.update(SPLITS[code] for code in np.unique(splits) if code >= 0)


def _thin(block: Raw, splitting: SplitParams) -> Raw:
    """Keep of a block what a split by time goes by."""
    names = [str(splitting.column), *([END] if block.kind == "signal" else [])]
    times = {name: block.column(name, "split.column") for name in names}
    side = pd.DataFrame({name: _compact(values) for name, values in times.items()})
    return Raw(block.kind, np.empty((len(side), 0)), side)


def _compact(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Keep times as 8 bytes each, however they are written."""
    is_number = pd.api.types.is_numeric_dtype(values)
    return values if is_number else pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True)
