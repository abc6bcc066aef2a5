"""What a data set looks like, for people: gaps, histograms, correlations, samples, shards, and what was inferred."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.column_types import Found, decide
from hourglass.data.correlation import Comoments
from hourglass.data.dataset import Stored
from hourglass.data.histograms import LEVELS, histogram
from hourglass.data.samples import Sample
from hourglass.data.statistics import Summary
from hourglass.params import SPLITS, DataParams, SplitParams
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
        columns = (
            {column.name: column for column in self.schema.columns} if isinstance(self.schema, TableSchema) else {}
        )
        dropped = side[~valid] if columns else side[:0]
        for name in map(str, side.columns):
            column, found = columns.get(name), self.gaps.setdefault(name, Counter())
            # a row is kept only if all is there that nothing is imputed for
            there = (side if column is None or column.impute != "none" else dropped)[name]
            found["missing"] += int(there.isna().sum())
            if column is not None and len(dropped):
                _, known = column.encode(dropped[name].dropna())
                found["unseen" if column.type == "category" else "unreadable"] += int((~known).sum())

    def _note_times(self, side: pd.DataFrame) -> None:
        """Widen the range of every column of times."""
        for name in side.columns:
            values = side[name]
            decides = self.splitting.by == "time" and name == self.splitting.column
            if decides and not pd.api.types.is_numeric_dtype(values):
                values = pd.to_datetime(values, errors="coerce", utc=True)
            if (decides or pd.api.types.is_datetime64_any_dtype(values)) and values.notna().any():
                ends = [_time(values.min()), _time(values.max())]
                self.times[str(name)] = _wider(self.times.get(str(name)), ends)


@dataclass(frozen=True)
class Seen:
    """What became of a shard.

    Parameters
    ----------
    name : str
    facts : dict
        Of its part.
    overview : Overview
    """

    name: str
    facts: dict[str, Any]
    overview: Overview


def show(
    shards: Sequence[Seen], classes: Sequence[str], summary: Summary, schema: Schema, columns: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Put the overviews of all shards together.

    Parameters
    ----------
    shards : sequence of Seen
    classes : sequence of str
        Of all shards.
    summary : Summary
        Of the normal training rows.
    schema : Schema
    columns : sequence of dict
        As `columns_of` gives them.

    Returns
    -------
    dict
        The content of ``overview.json``, in the words of docs/data.md.
    dict of str to ndarray
        A sample of the rows: ``x``, ``label``, ``index``, ``split`` and ``anomaly`` of each.
    """
    sample = _sample(shards, classes)
    gaps: dict[str, Counter[str]] = {}
    for one in shards:
        for name, counts in one.overview.gaps.items():
            gaps.setdefault(name, Counter()).update(counts)
    facts = {
        "rows": sum(one.facts["rows"] for one in shards),
        "shards": [_shard(one) for one in shards],
        "classes": _classes(shards, classes),
        "columns": [column | {why: gaps.get(column["name"], Counter())[why] for why in GAPS} for column in columns],
        "histograms": _histograms(summary, schema, sample),
        "correlation": _correlation([one.overview for one in shards], schema),
        "sample": {"normal": int((~sample["anomaly"]).sum()), "anomalous": int(sample["anomaly"].sum())},
    }
    return facts, sample


def columns_of(
    facts: Mapping[str, Any], data: DataParams, splitting: SplitParams, schema: Schema
) -> list[dict[str, Any]]:
    """Say of every column what it was taken for, why, and what is made of it.

    Returns
    -------
    list of dict
        ``name``, ``use``, ``type`` and ``why``; of a feature also ``scale``, ``scale_why`` and what it is filled with.
    """
    seen = {column.name: column for column in schema.columns} if isinstance(schema, TableSchema) else {}

    def use(name: str) -> str:
        uses = {
            "label": name == data.label,
            "split": name == splitting.column,
            "condition": name in data.condition,
            "feature": name in seen,
        }
        return ", ".join(use for use, applies in uses.items() if applies) or "none"

    def taken(one: Mapping[str, Any]) -> dict[str, Any]:
        name = one["name"]
        if name in seen:
            decision = decide(Found.from_config(one), data.columns.get(name), normalise=data.normalise)
            return asdict(decision) | {"impute": seen[name].impute}
        if name in data.columns and data.columns[name].type == "ignore":
            return {"type": one["type"], "why": "ignored by data.columns"}
        return {"type": one["type"], "why": one["why"]}

    return [{"name": one["name"], "use": use(one["name"])} | taken(one) for one in facts["columns"]]


def numbers(schema: Schema) -> dict[int, Column]:
    """Give the columns of a table that are one number, by the place of it in a row."""
    found: dict[int, Column] = {}
    start = 0
    for column in schema.columns if isinstance(schema, TableSchema) else ():
        if column.type != "category":
            found[start] = column
        start += column.width
    return found


def _shard(one: Seen) -> dict[str, Any]:
    counts = {split: sum(found.values()) for split, found in one.facts["counts"].items()}
    return {
        "name": one.name,
        "rows": one.facts["rows"],
        "splits": counts,
        "dropped": {why: rows for why, rows in one.facts["dropped"].items() if rows},
        "times": one.overview.times,
    }


def _classes(shards: Sequence[Seen], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = {name: dict.fromkeys(SPLITS, 0) for name in classes}
    for one in shards:
        names = one.facts["classes"]
        for split, found in one.facts["counts"].items():
            for code, rows in found.items():
                if int(code) >= 0:
                    counts[names[int(code)]][split] += rows
    return counts


def _sample(shards: Sequence[Seen], classes: Sequence[str]) -> dict[str, NDArray[Any]]:
    merged: dict[str, Sample] = {}
    for one in shards:
        codes = np.array([classes.index(name) for name in one.facts["classes"]], np.int64)
        for name, sample in one.overview.samples.items():
            found = sample.numbered(codes)
            if name in merged:
                merged[name].merge(found)
            else:
                merged[name] = found
    arrays = {name: sample.arrays() for name, sample in sorted(merged.items(), reverse=True)}
    rows = {of: np.concatenate([one[of] for one in arrays.values()]) for of in ("x", "label", "index", "split")}
    anomaly = np.concatenate([np.full(len(one["x"]), name == "anomalous") for name, one in arrays.items()])
    return rows | {"anomaly": anomaly}


def _histograms(summary: Summary, schema: Schema, sample: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Draw every number of a table that is no category's, and all entries of anything else together."""
    quantiles = summary.quantiles(LEVELS)
    anomalies = sample["x"][sample["anomaly"]].astype(np.float64)
    if not isinstance(schema, TableSchema):
        name = "pixels" if schema.config()["kind"] == "image" else "entries"
        return [{"name": name} | histogram(quantiles[:, 0], anomalies.reshape(-1))]
    return [
        {"name": column.name, "type": column.type}
        | histogram(quantiles[:, place], anomalies[:, place], logarithmic=column.scale == "log")
        for place, column in numbers(schema).items()
    ]


def _correlation(overviews: Sequence[Overview], schema: Schema) -> dict[str, Any] | None:
    """Give the correlations of a table's numbers; None where there are too many of them, or fewer than two."""
    together = [one.together for one in overviews if one.together is not None]
    if not together:
        return None
    merged = Comoments(together[0].columns)
    for one in together:
        merged.merge(one)
    values = [[None if np.isnan(r) else round(float(r), 4) for r in row] for row in merged.correlation()]
    return {"names": [column.name for column in numbers(schema).values()], "values": values}


def _below(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    start = f"{name}/"
    return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}


def _time(value: Any) -> Any:
    return value.isoformat() if isinstance(value, pd.Timestamp) else float(value)


def _wider(known: list[Any] | None, ends: list[Any]) -> list[Any]:
    return ends if known is None else [min(known[0], ends[0]), max(known[1], ends[1])]
