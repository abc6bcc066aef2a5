"""What the report shows of the data: a picture for each column, samples, correlations, shards."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from hourglass.data.params import SPLITS
from hourglass.report import figures, pictures, words
from hourglass.report.facts import Data, Facts, Sample

#: Columns that get a picture, and lines of a table, at most.
_PICTURES, _LINES = 40, 100
#: Values of a category, pairs of columns, shards, and correlations that have room for names.
_VALUES, _PAIRS, _SHARDS, _NAMED = 6, 12, 24, 40
#: Rows of the sample that are shown: normal ones and anomalies; columns of a table.
_TILES, _CURVES, _ROWS, _COLUMNS = (24, 12), (9, 6), (8, 4), 12
#: Size of a histogram, in its own units.
_WIDTH, _HEIGHT = 100, 40
_STRONG = 0.5
#: Times that lie farther apart are told by their days.
_DAYS = 3


@dataclass(frozen=True)
class Spread:
    """How one column is spread.

    Parameters
    ----------
    name : str
    label : str
        What is seen, in words.
    bars, outline : str
        Paths of the normal training rows and, where there are any, of anomalies.
    low, high : str
        Ends of the axis.
    values : list of (str, float, float or None)
        Of a category instead: its most frequent values, their shares of the normal training rows and of anomalies.
    notes : list of str
    """

    name: str
    label: str
    bars: str = ""
    outline: str = ""
    low: str = ""
    high: str = ""
    values: Sequence[tuple[str, float, float | None]] = ()
    notes: Sequence[str] = ()


def view(facts: Facts) -> dict[str, Any]:
    """Draw all that is shown of the data."""
    data = facts.data
    spreads = list(_spreads(data, facts.sample))
    shards = data.overview["shards"]
    types = {one["name"]: one.get("type", "") for one in data.overview["histograms"]}
    return {
        "spreads": spreads[:_PICTURES],
        "unseen": len(spreads) - _PICTURES,
        "anomalies": int(facts.sample.anomaly.sum()),
        "columns": data.overview["columns"][:_LINES],
        "more_columns": len(data.overview["columns"]) - _LINES,
        "rows": data.overview["rows"],
        "shards": [_shard(one, max(shard["rows"] for shard in shards)) for one in shards[-_SHARDS:]],
        "more_shards": len(shards) - _SHARDS,
        "colours": [(split, figures.class_colour(place)) for place, split in enumerate(SPLITS)],
        "correlation": _correlation(data),
        "pairs": data.correlated(_STRONG)[:_PAIRS],
        "statistics": [_measured(one, types.get(one["name"], "")) for one in data.statistics[:_LINES]],
        **_samples(facts),
    }


def _spreads(data: Data, sample: Sample) -> Iterator[Spread]:
    """Draw every column, in the order of the data."""
    columns = {one["name"]: one for one in data.overview["columns"]}
    order = {name: place for place, name in enumerate(columns)}
    found = [*words.categories(data), *data.overview["histograms"]]
    for one in sorted(found, key=lambda one: order.get(one["name"], 0)):
        missing = columns.get(one["name"], {}).get("missing", 0) / data.overview["rows"]
        notes = [f"{words.percent(missing)} missing"] if missing else []
        yield _category(one, sample, notes) if "values" in one else _histogram(one, notes)


def _histogram(one: dict[str, Any], notes: list[str]) -> Spread:
    others = one.get("others")
    tallest = max([*one["shares"], *(others["shares"] if others else ())]) or 1.0
    low, high = _axis(one)
    beyond = one["below"] + one["above"]
    notes = [*notes, *(["logarithmic"] if one["logarithmic"] else [])]
    return Spread(
        one["name"],
        f"{one['name']}: histogram of normal training rows{' and anomalies' if others else ''} from {low} to {high}",
        _path(one["shares"], tallest) + "Z",
        _path(others["shares"], tallest) if others else "",
        low,
        high,
        notes=[*notes, f"{words.percent(beyond)} beyond"] if beyond else notes,
    )


def _axis(one: dict[str, Any]) -> tuple[str, str]:
    """Write the ends of the axis."""
    low, high = _ends(one["edges"])
    written = _writer(one.get("type", ""), low, high)
    return written(low), written(high)


def _writer(kind: str, low: float, high: float) -> Callable[[float], str]:
    """Give what writes numbers between these; of times that lie far apart their days."""
    if kind == "time" and high - low > _DAYS * 86_400:
        return lambda number: words.value(number, {"type": kind})[:10]
    return lambda number: words.value(number, {"type": kind})


def _ends(edges: Sequence[float]) -> tuple[float, float]:
    """Give the ends of the axis; of whole numbers, whose bars lie around them, the first and the last."""
    around = edges[0] % 1 == 0.5 and edges[1] - edges[0] == 1
    return edges[0] + 0.5 * around, edges[-1] - 0.5 * around


def _path(shares: Sequence[float], tallest: float) -> str:
    """Draw bars of equal width from the ground up and back to it."""
    tops = [(_HEIGHT * (1 - share / tallest), _WIDTH * (place + 1) / len(shares)) for place, share in enumerate(shares)]
    return f"M0 {_HEIGHT}" + "".join(f"V{top:.4g}H{right:.4g}" for top, right in tops) + f"V{_HEIGHT}"


def _category(one: dict[str, Any], sample: Sample, notes: list[str]) -> Spread:
    assert sample.table is not None  # noqa: S101
    anomalous = sample.table[one["name"]][sample.anomaly]
    shown = [
        (value, share, float((anomalous == value).mean()) if len(anomalous) else None)
        for value, share in one["values"][:_VALUES]
    ]
    more = len(one["values"]) - _VALUES
    notes = [*notes, f"{more} more values"] if more > 0 else notes
    return Spread(one["name"], f"{one['name']}: shares of its values", values=shown, notes=notes)


def _shard(one: dict[str, Any], largest: int) -> dict[str, Any]:
    counts = [(split, one["splits"][split]) for split in SPLITS]
    kept = max(1, sum(rows for _, rows in counts))
    return {
        "name": one["name"],
        "rows": one["rows"],
        "width": round(100 * one["rows"] / max(1, largest), 2),
        "parts": [(split, rows, round(100 * rows / kept, 2)) for split, rows in counts],
        "dropped": sum(one["dropped"].values()),
        "times": words.times(one["times"]),
    }


def _measured(one: dict[str, Any], kind: str) -> tuple[str, list[str]]:
    """Write the name of a feature, and its mean, deviation, smallest, median and largest."""
    written, middle = _writer(kind, one["min"], one["max"]), one["quantiles"][len(one["quantiles"]) // 2]
    low, median, high, mean = (written(number) for number in (one["min"], middle, one["max"], one["mean"]))
    return one["name"], [mean, words.spread(one["std"], {"type": kind}), low, median, high]


def _correlation(data: Data) -> dict[str, Any] | None:
    """Draw correlations as cells, blue below 0 and orange above."""
    found = data.overview["correlation"]
    if found is None:
        return None
    values = np.array(found["values"], np.float64)
    names = found["names"] if len(found["names"]) <= _NAMED else []
    source = pictures.strip(np.nan_to_num(values), 1.0)
    return {"names": names, "source": source, "columns": len(values), "constant": int(np.isnan(np.diag(values)).sum())}


def _samples(facts: Facts) -> dict[str, Any]:
    """Draw rows of the sample, as the kind of data asks for."""
    sample = facts.sample
    drawn: dict[str, Any] = {"cells": [], "heads": [], "tiles": [], "curves": []}
    if sample.table is not None:
        return drawn | {"cells": _cells(sample, _chosen(sample, _ROWS)), "heads": list(sample.table)[:_COLUMNS]}
    if facts.data.drawn == "image":
        return drawn | {"tiles": list(_tiles(facts, _chosen(sample, _TILES)))}
    groups = (("normal rows", ~sample.anomaly), ("anomalies", sample.anomaly))
    curves = [
        (name, _curves(facts, np.flatnonzero(which)[:most], name))
        for (name, which), most in zip(groups, _CURVES, strict=True)
        if which.any()
    ]
    return drawn | {"curves": curves}


def _chosen(sample: Sample, most: tuple[int, int]) -> list[int]:
    normal, anomalous = np.flatnonzero(~sample.anomaly), np.flatnonzero(sample.anomaly)
    return [*map(int, normal[: most[0]]), *map(int, anomalous[: most[1]])]


def _cells(sample: Sample, chosen: list[int]) -> list[dict[str, Any]]:
    assert sample.table is not None  # noqa: S101
    return [
        {
            "index": int(sample.index[place]),
            "label": sample.label[place],
            "anomaly": bool(sample.anomaly[place]),
            "split": sample.split[place],
            "cells": [_cell(value) for value in sample.table.iloc[place, :_COLUMNS]],
        }
        for place in chosen
    ]


def _cell(value: Any) -> str:
    """Write a value; nothing for one that is missing."""
    if pd.isna(value):
        return ""
    return words.plain(float(value)) if isinstance(value, float | np.floating) else str(value)


def _tiles(facts: Facts, chosen: list[int]) -> Iterator[dict[str, str]]:
    scale, sample = pictures.Scale.of(facts.data, facts.variants), facts.sample
    for place in chosen:
        label = sample.label[place]
        yield {
            "source": pictures.sample(facts.data, scale, facts.data.normaliser(sample.x[[place]])[0]),
            "alt": f"row {sample.index[place]}{f', class {label}' if label else ''}, in {sample.split[place]}",
            "label": label,
            "score": sample.split[place],
        }


def _curves(facts: Facts, chosen: Any, name: str) -> Markup:
    """Draw rows as curves, in the nets' units: channels may have very different ones of their own."""
    key = f"data-{name.partition(' ')[0]}"
    rows = [(row,) for row in facts.data.normaliser(facts.sample.x[chosen])]
    return figures.lines(rows, 3, name=key, label=f"{len(rows)} {name} of the data")
