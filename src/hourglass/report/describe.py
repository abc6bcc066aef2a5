"""``hourglass describe``: what is in ``data/``, and what ``ingest`` made of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from hourglass import params, pipeline
from hourglass.data import snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.labels import Labels
from hourglass.data.sources import Raw
from hourglass.outputs import DATASET
from hourglass.params import Params
from hourglass.project import Project
from hourglass.report import words
from hourglass.report.facts import PURPOSES, Data
from hourglass.report.gather import data_of, data_version
from hourglass.report.terminal import facts, show, table

_CLASSES, _COLUMNS = 30, 12
_NUMBERS = ("rows", "anomalies", "mean", "deviation", "smallest", "median", "largest")


def describe(project: Project) -> None:
    """Print what the project's data is.

    Raises
    ------
    HourglassError
        There is no snapshot, or its label isn't there.
    """
    loaded = params.load(project.params_file)
    raw = snapshot.read(project.data, loaded.data)
    labels = Labels.of(raw, loaded.data)
    blocks = [facts("The snapshot in data/", _snapshot(project, loaded, raw))]
    if labels.names:
        blocks.append(table(f"Classes of {loaded.data.label}", ("class", "rows", ""), _classes(labels), _NUMBERS))
    if (project.dataset / DATASET).exists():
        show(*blocks, *_ingested(data_of(project, Dataset(project.dataset), loaded)))
    else:
        show(*blocks, "Not ingested yet: `hourglass run` does it, and all that comes after.")


def _snapshot(project: Project, loaded: Params, raw: Raw) -> Iterator[tuple[str, str]]:
    shards = sorted(path for path in project.data.iterdir() if path.is_dir())
    size = sum(path.stat().st_size for path in project.data.rglob("*") if path.is_file())
    row = f"{len(raw.rows.columns)} columns" if raw.kind == "table" else f"{raw.rows.shape[1:]} of {raw.rows.dtype}"
    yield "source", loaded.data.source
    yield "kind", raw.kind
    yield "rows", f"{words.count(len(raw.rows))}, each {row}"
    yield "shards", f"{len(shards)}: {', '.join(path.name for path in shards[:5])}" + (", ..." * (len(shards) > 5))
    yield "size", f"{words.count(size)} bytes"
    yield "label", loaded.data.label or "none: every row is taken as normal"
    yield "DVC version", _version(project)


def _version(project: Project) -> str:
    version = data_version(project)
    if not version:
        return "not versioned; `dvc add data` does it"
    state = (
        "differs from data/; `hourglass run` versions it anew"
        if pipeline.data_differs(project)
        else "data/ is as it says"
    )
    return f"{version['md5']} in data.dvc, {state}"


def _classes(labels: Labels) -> Iterator[tuple[str, str, str]]:
    counts = Counter(labels.codes.tolist())
    for code, name in enumerate(labels.names[:_CLASSES]):
        yield name, words.count(counts[code]), "anomalous" if name in labels.anomalous else ""
    if len(labels.names) > _CLASSES:
        yield f"... and {len(labels.names) - _CLASSES} more", "", ""


def _ingested(data: Data) -> Iterator[Table]:
    splits = (
        (name, *(words.count(data.counts[name][of]) for of in ("rows", "anomalies")), what)
        for name, what in PURPOSES.items()
    )
    yield table("What ingest made", ("split", "rows", "anomalies", "what it does"), splits, _NUMBERS)
    yield facts("", _made(data))
    columns = ("feature", "mean", "deviation", "smallest", "median", "largest")
    yield table("Normal rows of train, in the data's units", columns, _statistics(data.statistics), _NUMBERS)


def _made(data: Data) -> Iterator[tuple[str, str]]:
    yield "a row in the nets", f"{words.shape(data)}, stored as {data.dtype}"
    yield (
        "dropped rows",
        "; ".join(f"{words.count(rows)} {why.replace('_', ' ')}" for why, rows in data.dropped.items()),
    )
    yield "duplicates", words.duplicates(data)
    yield "normaliser", words.normaliser(data)


def _statistics(statistics: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in statistics[:_COLUMNS]:
        values = (one["mean"], one["std"], one["min"], one["quantiles"][10], one["max"])
        yield one["name"], *(words.plain(value) for value in values)
    if len(statistics) > _COLUMNS:
        yield f"... and {len(statistics) - _COLUMNS} more", *[""] * 5
