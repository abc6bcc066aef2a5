"""What a data set looks like, for people: gaps, histograms, correlations, samples, shards, and what was inferred."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.column_contents import Found
from hourglass.data.column_types import decide
from hourglass.data.histograms import LEVELS, histogram
from hourglass.data.overview import GAPS, Overview, numbers
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.statistics import Summary
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.table import TableSchema

#: Columns that get a histogram, at most; of the others `hourglass.data.statistics` tells.
MOST_DRAWN = 1000


@dataclass(frozen=True)
class Seen:
    """What became of a shard.

    Parameters
    ----------
    name : str
    facts : dict
        Of its part.
    overview : callable
        Reads what was kept of its rows.
    """

    name: str
    facts: dict[str, Any]
    overview: Callable[[], Overview]


def show(
    shards: Sequence[Seen],
    classes: Sequence[str],
    summary: Summary,
    schema: Schema,
    splitting: SplitParams,
    columns: Sequence[dict[str, Any]],
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
    splitting : SplitParams
    columns : sequence of dict
        As `columns_of` gives them.

    Returns
    -------
    dict
        The content of ``overview.json``, in the words of docs/data.md.
    dict of str to ndarray
        A sample of the rows: ``x``, ``label``, ``index``, ``split`` and ``anomaly`` of each.
    """
    kept = Overview(schema, splitting)
    for one in shards:  # one after the other: a part's sample takes some megabytes
        kept.merge(one.overview(), np.array([classes.index(name) for name in one.facts["classes"]], np.int64))
    sample = kept.sample()
    facts = {
        "rows": sum(one.facts["rows"] for one in shards),
        "shards": [_shard(one) for one in shards],
        "classes": _classes(shards, classes),
        "columns": [
            column | {why: kept.gaps.get(column["name"], Counter())[why] for why in GAPS} for column in columns
        ],
        "histograms": _histograms(summary, schema, sample),
        "correlation": _correlation(kept, schema),
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


def _shard(one: Seen) -> dict[str, Any]:
    counts = {split: sum(found.values()) for split, found in one.facts["counts"].items()}
    return {
        "name": one.name,
        "rows": one.facts["rows"],
        "splits": counts,
        "dropped": {why: rows for why, rows in one.facts["dropped"].items() if rows},
        "times": one.facts["times"],
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


def _histograms(summary: Summary, schema: Schema, sample: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Draw every number of a table that is no category's, every channel, and all entries of anything else together."""
    quantiles = summary.quantiles(LEVELS)
    anomalies = sample["x"][sample["anomaly"]].astype(np.float64)
    if isinstance(schema, TableSchema):
        return [
            {"name": column.name, "type": column.type}
            | histogram(quantiles[:, place], anomalies[:, place], logarithmic=column.scale == "log")
            for place, column in list(numbers(schema).items())[:MOST_DRAWN]
        ]
    if isinstance(schema, SignalSchema):
        return [
            {"name": name} | histogram(quantiles[:, place], anomalies[:, place].reshape(-1))
            for place, name in list(enumerate(schema.columns))[:MOST_DRAWN]
        ]
    name = "pixels" if schema.config()["kind"] == "image" else "entries"
    return [{"name": name} | histogram(quantiles[:, 0], anomalies.reshape(-1))]


def _correlation(overview: Overview, schema: Schema) -> dict[str, Any] | None:
    """Give the correlations of a table's numbers; None where there are too many of them, or fewer than two."""
    if overview.together is None:
        return None
    values = [[None if np.isnan(r) else round(float(r), 4) for r in row] for row in overview.together.correlation()]
    return {"names": [column.name for column in numbers(schema).values()], "values": values}
