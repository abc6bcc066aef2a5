"""What is known of the data without reading a row of it, as JSON."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hourglass import dvc_data, params
from hourglass.data.snapshot import DATED, INDEX, SCHEMA, opened
from hourglass.files import read_json
from hourglass.outputs import DATASET, OVERVIEW
from hourglass.project import Project
from hourglass.report.gather import data_version

#: What of ``dataset.json`` is for people.
_SHOWN = ("shape", "dtype", "normaliser", "anomalous", "counts", "dropped", "duplicates", "statistics")
_COLUMN = ("name", "type", "why", "scale", "scale_why", "missing")


def inventory(project: Project) -> dict[str, Any]:
    """Gather what ``snapshot.json``, ``schema.json`` and what ingest wrote say.

    Returns
    -------
    dict
        ``source``, ``kind``, ``label``; ``rows``, None before they were counted; ``row`` (shape and type) and the
        ``arrays`` beside it; ``shards`` with date, bytes and, after ingest, rows; ``columns`` with what was inferred;
        ``version``, DVC's; ``dataset``, None before ingest.

    Raises
    ------
    HourglassError
        There is no snapshot.
    """
    loaded = params.load(project.params_file)
    facts = opened(project.data, loaded.data).facts or {"columns": []}
    made = _made(project)
    shards = _shards(project.data, made)
    counted = made is not None and all(shard["rows"] is not None for shard in shards)
    return {
        "source": loaded.data.source,
        "kind": read_json(project.data / INDEX)["kind"],
        "label": loaded.data.label,
        "rows": sum(shard["rows"] for shard in shards) if counted else _surveyed(facts, shards),
        "row": {key: facts[key] for key in ("shape", "dtype", "channels") if key in facts},
        "arrays": facts.get("arrays", {}),
        "bytes": sum(shard["bytes"] for shard in shards),
        "shards": shards,
        "columns": made["columns"] if made else [_column(one) for one in facts["columns"]],
        "schema": (project.data / SCHEMA).exists(),
        "version": _version(project),
        "dataset": made,
    }


def _made(project: Project) -> dict[str, Any] | None:
    """Read what ingest says of the rows, unless it hasn't run yet, or did before there was an overview."""
    folder = project.dataset
    if not (folder / DATASET).exists() or not (folder / OVERVIEW).exists():
        return None
    info = read_json(folder / DATASET)
    made: dict[str, Any] = {key: info[key] for key in _SHOWN} | read_json(folder / OVERVIEW)
    return made


def _shards(data: Path, made: dict[str, Any] | None) -> list[dict[str, Any]]:
    counted = {one["name"]: one for one in made["shards"]} if made else {}
    there = [path.name for path in data.iterdir() if path.is_dir()]
    names = sorted({*there, *counted}, key=lambda name: (DATED.fullmatch(name) is not None, name))
    return [
        {"name": name, "added": _added(name), "bytes": _size(data / name), "rows": None} | counted.get(name, {})
        for name in names
    ]


def _added(shard: str) -> str | None:
    """Tell when a shard was added, in UTC; None of what the snapshot began with."""
    if not DATED.fullmatch(shard):
        return None
    return datetime.strptime(shard.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0


def _surveyed(facts: dict[str, Any], shards: list[dict[str, Any]]) -> int | None:
    """Tell how many rows the schema was inferred from, where that are all that there are."""
    return facts["columns"][0]["rows"] if facts["columns"] and len(shards) == 1 else None


def _column(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: facts[key] for key in _COLUMN if key in facts}


def _version(project: Project) -> dict[str, Any] | None:
    version = data_version(project)
    return version | {"is_current": not dvc_data.differs(project)} if version else None
