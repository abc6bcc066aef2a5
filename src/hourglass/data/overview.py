"""What is kept of rows that come in blocks, so that people can see them: gaps, correlations, samples, times."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.correlation import Comoments
from hourglass.data.dataset import Stored
from hourglass.data.params import SplitParams
from hourglass.data.samples import Sample
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import Column, TableSchema

#: Correlations of more numbers than these are neither computed nor looked at.
MOST_CORRELATED = 200
#: Why a value can't be judged.
GAPS = ("missing", "unreadable", "unseen")


class Overview:
    """What is kept of the rows of a shard to show them, block by block.

    Parameters
    ----------
    schema : Schema
    splitting : SplitParams
    """

    def __init__(self, schema: Schema, splitting: SplitParams) -> None:
        self.schema, self.splitting = schema, splitting
        self._places = list(numbers(schema))
        self.together = Comoments(len(self._places)) if 1 < len(self._places) <= MOST_CORRELATED else None
        self.samples: dict[str, Sample] = {}
        self.gaps: dict[str, Counter[str]] = {}
        self.times: dict[str, list[Any]] = {}

    def look(self, side: pd.DataFrame, valid: NDArray[np.bool_]) -> None:
        """Look at the columns of a block: at what is missing, and at times.

        Parameters
        ----------
        side : DataFrame
            Every column of the block.
        valid : ndarray of bool
            Which rows the schema could read.
        """
        self._count_gaps(side, valid)
        self._note_times(side)

    def take(self, fitted: NDArray[Any], stored: Stored, trace: NDArray[np.void], valid: NDArray[np.bool_]) -> None:
        """Take the rows of a block as they became.

        Parameters
        ----------
        fitted : ndarray of shape (rows, *shape)
            The normal ones in train.
        stored : Stored
            All of them, of which those that `valid` marks are kept.
        trace : ndarray
            As `part.TRACE`, one of each.
        valid : ndarray of bool
        """
        if self.together is not None:
            self.together.update(fitted if len(self._places) == fitted.shape[1] else fitted[:, self._places])
        for name, which in (("normal", ~trace["anomaly"]), ("anomalous", trace["anomaly"])):
            sample = self.samples.setdefault(name, Sample(stored.x.shape[1:], stored.x.dtype))
            sample.update(stored, trace["hash"], trace["split"], which & valid)

    def merge(self, other: "Overview", codes: NDArray[np.int64]) -> None:
        """Take what another one has kept, whose classes have the numbers `codes` here."""
        if self.together is not None and other.together is not None:
            self.together.merge(other.together)
        for name, sample in other.samples.items():
            mine = self.samples.setdefault(name, Sample(self.schema.shape, sample.arrays()["x"].dtype))
            mine.merge(sample.numbered(codes))
        for name, counts in other.gaps.items():
            self.gaps.setdefault(name, Counter()).update(counts)

    def sample(self) -> dict[str, NDArray[Any]]:
        """Give the rows of the sample, normal ones first: ``x``, ``label``, ``index``, ``split``, ``anomaly``."""
        arrays = {name: one.arrays() for name, one in sorted(self.samples.items(), reverse=True)}
        rows = {of: np.concatenate([one[of] for one in arrays.values()]) for of in ("x", "label", "index", "split")}
        anomaly = np.concatenate([np.full(len(one["x"]), name == "anomalous") for name, one in arrays.items()])
        return rows | {"anomaly": anomaly}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give what is kept as arrays, by name."""
        kept = {f"{name}/{of}": array for name, one in self.samples.items() for of, array in one.arrays().items()}
        together = self.together.arrays() if self.together is not None else {}
        return kept | {f"together/{name}": array for name, array in together.items()}

    def facts(self) -> dict[str, Any]:
        """Give what is kept beside, as JSON."""
        return {"gaps": {name: dict(counts) for name, counts in self.gaps.items()}, "times": self.times}

    @classmethod
    def read(
        cls, schema: Schema, splitting: SplitParams, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
    ) -> Self:
        """Read what `arrays` and `facts` gave."""
        found = cls(schema, splitting)
        of = {name: _below(arrays, name) for name in ("normal", "anomalous", "together")}
        found.samples = {name: Sample.from_arrays(of[name]) for name in ("normal", "anomalous") if of[name]}
        if found.together is not None:
            found.together = Comoments.from_arrays(of["together"])
        found.gaps = {name: Counter(counts) for name, counts in facts["gaps"].items()}
        found.times = dict(facts["times"])
        return found

    def _count_gaps(self, side: pd.DataFrame, valid: NDArray[np.bool_]) -> None:
        """Count what is missing in every column, and in the rows that are dropped what else is wrong."""
        columns = self.schema.columns if isinstance(self.schema, TableSchema) else ()
        # a row is kept only if all is there that nothing is imputed for
        whole = {column.name for column in columns if column.impute == "none"}
        for name in side.columns.tolist():
            if str(name) not in whole:
                self._add_gaps(str(name), "missing", int(side[name].isna().sum()))
        if not columns or valid.all():
            return
        dropped = side[~valid]
        for column in columns:
            there = dropped[column.name].dropna()
            _, known = column.encode(there)
            self._add_gaps(column.name, "unseen" if column.type == "category" else "unreadable", int((~known).sum()))
            if column.name in whole:
                self._add_gaps(column.name, "missing", len(dropped) - len(there))

    def _add_gaps(self, name: str, why: str, count: int) -> None:
        if count:
            self.gaps.setdefault(name, Counter())[why] += count

    def _note_times(self, side: pd.DataFrame) -> None:
        """Widen the range of every column of times."""
        for name, dtype in zip(side.columns.tolist(), side.dtypes, strict=True):
            decides = self.splitting.by == "time" and name == self.splitting.column
            if not decides and not pd.api.types.is_datetime64_any_dtype(dtype):
                continue
            values = side[name]
            if decides and not pd.api.types.is_numeric_dtype(dtype):
                values = pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True)
            if values.notna().any():
                ends = [_time(values.min()), _time(values.max())]
                self.times[str(name)] = _wider(self.times.get(str(name)), ends)


def numbers(schema: Schema) -> dict[int, Column]:
    """Give the columns of a table that are one number, by the place of it in a row."""
    found: dict[int, Column] = {}
    start = 0
    for column in schema.columns if isinstance(schema, TableSchema) else ():
        if column.type != "category":
            found[start] = column
        start += column.width
    return found


def _below(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    start = f"{name}/"
    return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}


def _time(value: Any) -> Any:
    return value.isoformat() if isinstance(value, pd.Timestamp) else float(value)


def _wider(known: list[Any] | None, ends: list[Any]) -> list[Any]:
    return ends if known is None else [min(known[0], ends[0]), max(known[1], ends[1])]
