"""``hourglass describe``: what is in ``data/``, what was inferred of it, and what ``ingest`` made of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType

from hourglass import params
from hourglass.data.dataset import Dataset
from hourglass.project import Project
from hourglass.report import words
from hourglass.report.facts import PURPOSES, Data
from hourglass.report.gather import data_of
from hourglass.report.inventory import inventory
from hourglass.report.terminal import facts, show, show_json, table

#: Lines of a table, at most.
_CLASSES, _COLUMNS, _SHARDS, _PAIRS = 30, 40, 12, 10
#: Values of a category that are named.
_VALUES = 4
#: Correlations that are named: such columns say nearly the same.
_STRONG = 0.95
_USES = {"none": "left out"}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BARS = 16
_NUMBERS = (
    *("rows", "bytes", "dropped", "anomalies", "missing", "unreadable", "unseen"),
    *("smallest", "median", "largest", "mean", "deviation", "correlation"),
)


def describe(project: Project, *, as_json: bool = False) -> None:
    """Print what the project's data is; of the rows themselves none is read.

    Raises
    ------
    HourglassError
        There is no snapshot.
    """
    found = inventory(project)
    if as_json:
        show_json(found)
        return
    blocks: list[RenderableType] = [facts("The snapshot in data/", _snapshot(found))]
    if len(found["shards"]) > 1:
        heads = ("shard", "added (UTC)", "bytes", "rows", "dropped", "times")
        blocks.append(table("Shards", heads, _shards(found), _NUMBERS))
    if found["columns"]:
        blocks.append(
            table(
                "Columns: what they are, and why",
                ("column", "use", "is", "because", "scale", "because"),
                _types(found),
                _NUMBERS,
            )
        )
    if found["dataset"] is None:
        show(*blocks, "Not ingested yet: `hourglass run` does it, and all that comes after.")
        return
    loaded = params.load(project.params_file)
    show(*blocks, *_ingested(data_of(project, Dataset(project.dataset), loaded)))


def _snapshot(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "source", found["source"]
    yield "kind", found["kind"]
    yield "rows", _rows(found)
    if found["arrays"]:
        yield "beside each", "; ".join(f"{name}, {_shape(array)}" for name, array in found["arrays"].items())
    shards = len(found["shards"])
    yield "size", f"{words.count(found['bytes'])} bytes in {words.count(shards)} shard{'s' if shards > 1 else ''}"
    yield "label", found["label"] or "none: every row is taken as normal"
    yield "DVC version", _version(found["version"])


def _rows(found: dict[str, Any]) -> str:
    count = "counted by ingest" if found["rows"] is None else words.count(found["rows"])
    if found["kind"] == "table":
        return f"{count}, each {len(found['columns'])} columns"
    if "shape" in found["row"]:
        return f"{count}, each {_shape(found['row'])}"
    return count


def _shape(array: dict[str, Any]) -> str:
    return f"{tuple(array['shape'])} of {array['dtype']}"


def _version(version: dict[str, Any] | None) -> str:
    if version is None:
        return "not versioned; `dvc add data` does it"
    state = "data/ is as it says" if version["is_current"] else "differs from data/; `hourglass run` versions it anew"
    return f"{version['md5']} in data.dvc, {state}"


def _shards(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    shards = found["shards"]
    skipped = max(0, len(shards) - _SHARDS)
    for place, one in enumerate(shards):
        if 1 <= place <= skipped:
            if place == 1:
                yield f"... {words.count(skipped)} more ...", *[""] * 5
            continue
        rows = "not ingested" if one["rows"] is None else words.count(one["rows"])
        dropped = words.count(sum(one.get("dropped", {}).values()))
        times = "; ".join(words.times(one.get("times", {})))
        yield one["name"], (one["added"] or "at first")[:16], words.count(one["bytes"]), rows, dropped, times


def _types(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in found["columns"][:_COLUMNS]:
        yield one["name"], _USES.get(one.get("use"), one.get("use", "")), one["type"] or "", one["why"], *_scale(one)
    yield from _more(found["columns"], 6)


def _scale(one: dict[str, Any]) -> tuple[str, str]:
    filled = f", missing: {one['impute']}" if one.get("impute", "none") != "none" else ""
    return one.get("scale", "") + filled, one.get("scale_why", "")


def _ingested(data: Data) -> Iterator[RenderableType]:
    splits = (
        (name, *(words.count(data.counts[name][of]) for of in ("rows", "anomalies")), what)
        for name, what in PURPOSES.items()
    )
    yield table("What ingest made", ("split", "rows", "anomalies", "what it does"), splits, _NUMBERS)
    yield facts("", _made(data))
    if data.classes:
        yield table(f"Classes of {data.label}", ("class", "rows", ""), _classes(data), _NUMBERS)
    gaps = [one for one in data.overview["columns"] if one["missing"] or one["unreadable"] or one["unseen"]]
    if gaps:
        counts = ("column", "missing", "unreadable", "unseen", "of the rows")
        yield table("Gaps", counts, _gaps(data, gaps), _NUMBERS)
    heads = ("feature", "spread", "mean", "deviation", "smallest", "median", "largest")
    yield table("Normal rows of train, in the data's units", heads, _spreads(data), _NUMBERS)
    pairs = data.correlated(_STRONG)
    if pairs:
        yield table("Nearly the same", ("column", "and", "correlation"), _pairs(pairs), _NUMBERS)


def _made(data: Data) -> Iterator[tuple[str, str]]:
    yield "a row in the nets", f"{words.shape(data)}, stored as {data.dtype}"
    dropped = (f"{words.count(rows)} {why.replace('_', ' ')}" for why, rows in data.dropped.items())
    yield "dropped rows", "; ".join(dropped)
    yield "duplicates", words.duplicates(data)
    yield "normaliser", words.normaliser(data)


def _classes(data: Data) -> Iterator[tuple[str, ...]]:
    for one in data.classes[:_CLASSES]:
        yield one.name, words.count(sum(one.rows)), "anomalous" if one.anomalous else ""
    yield from _more(data.classes, 3, _CLASSES)


def _gaps(data: Data, gaps: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in gaps[:_COLUMNS]:
        counts = [one[why] for why in ("missing", "unreadable", "unseen")]
        yield one["name"], *map(words.count, counts), f"{100 * sum(counts) / data.overview['rows']:.2g}\u00a0%"
    yield from _more(gaps, 5)


def _spreads(data: Data) -> Iterator[tuple[str, ...]]:
    """Give a line for each number, and one for each category with its most frequent values."""
    measured = {one["name"]: one for one in data.statistics}
    lines = [*words.categories(data), *data.overview["histograms"]]
    order = {one["name"]: place for place, one in enumerate(data.overview["columns"])}
    for one in sorted(lines, key=lambda one: order.get(one["name"], 0))[:_COLUMNS]:
        if "values" in one:
            values = [f"{name} {words.percent(share)}" for name, share in one["values"][:_VALUES]]
            yield one["name"], ", ".join(values) + ", ..." * (len(one["values"]) > _VALUES), *[""] * 5
            continue
        found = measured[one["name"]]
        median = found["quantiles"][len(found["quantiles"]) // 2]
        low, middle, high, mean = (words.value(found.get(key, median), one) for key in ("min", "median", "max", "mean"))
        yield one["name"], bars(one["shares"]), mean, words.spread(found["std"], one), low, middle, high
    yield from _more(lines, 7)


def bars(shares: Sequence[float]) -> str:
    """Draw a histogram as blocks, as high as the highest bar allows; what is not empty is seen."""
    step = -(-len(shares) // _BARS)
    heights = [sum(shares[start : start + step]) for start in range(0, len(shares), step)]
    highest = max(heights) or 1.0
    return "".join(_BLOCKS[-(-int(1000 * (len(_BLOCKS) - 1) * height / highest) // 1000)] for height in heights)


def _pairs(pairs: list[tuple[str, str, float]]) -> Iterator[tuple[str, ...]]:
    for first, second, value in pairs[:_PAIRS]:
        yield first, second, words.signed(value)
    yield from _more(pairs, 3, _PAIRS)


def _more(lines: Sequence[Any], columns: int, most: int = _COLUMNS) -> Iterator[tuple[str, ...]]:
    if len(lines) > most:
        yield f"... and {words.count(len(lines) - most)} more (`--json` has them)", *[""] * (columns - 1)
