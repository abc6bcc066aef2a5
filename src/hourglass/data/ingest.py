"""From a raw snapshot to a data set: split, encode, measure and write it block by block."""

import inspect
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file

from hourglass import columns, runtime
from hourglass.data import masks, part, schemas, showing, split, statistics, surveying
from hourglass.data.dataset import FORMAT_VERSION
from hourglass.data.duplicates import duplicates
from hourglass.data.enough import require_splits
from hourglass.data.fit import LARGEST, require_few_missing
from hourglass.data.labels import require_classes
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.part import Part, Plan
from hourglass.data.snapshot import Shard, Snapshot
from hourglass.data.statistics import Summary
from hourglass.errors import HourglassError
from hourglass.files import digest, linked, read_json, sha256_of, write_json
from hourglass.outputs import DATASET, OVERVIEW, SAMPLE
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import TableSchema

#: How far a row may lie from the others in the nets' units, whose squares float32 holds.
_REACH = 1e15
_CONTENTS = "contents.json"
#: How long a part is kept that no data set was made of.
_KEPT_SECONDS = 14 * 86_400


def ingest(
    snapshot: Snapshot, folder: Path, data: DataParams, splitting: SplitParams, cache: Path | None = None
) -> dict[str, Any]:
    """Write a data set into an empty folder.

    Rows are split before anything is learnt from them; categories, the normaliser and all figures come from the normal
    rows of train alone. No more than ``data.memory`` of them is held at once.

    Parameters
    ----------
    snapshot : Snapshot
    folder : Path
    data : DataParams
    splitting : SplitParams
    cache : Path, optional
        On the file system of `folder`: keeps what each raw shard became, so that only new ones are read.

    Returns
    -------
    dict
        The content of ``dataset.json``.

    Raises
    ------
    HourglassError
        Too many rows have missing values, all rows are the same, a number is too large, or a split is empty.
    """
    facts = _facts(snapshot, data, splitting)
    plan = _plan(snapshot, facts, data, splitting)
    kept = cache or folder.with_name(f".{folder.name}-parts.{os.getpid()}")
    try:
        parts = _parts(snapshot, plan, kept, _contents(snapshot, kept) if cache else _names(snapshot))
        summary = _merged([one.rows for one in parts], plan.schema)
        info = _assemble(parts, plan, summary, folder)
        info["files"] |= _write_overview(snapshot, parts, plan, facts, summary, folder)
        info["files"] |= masks.write(_masks(snapshot, parts), folder)
        write_json(folder / DATASET, info)
    finally:
        if cache is None:
            shutil.rmtree(kept, ignore_errors=True)
    return info


def _facts(snapshot: Snapshot, data: DataParams, splitting: SplitParams) -> surveying.Facts:
    return snapshot.facts or surveying.survey(lambda: snapshot.blocks(data), data, splitting)


def _plan(snapshot: Snapshot, facts: surveying.Facts, data: DataParams, splitting: SplitParams) -> Plan:
    schema, condition = schemas.settle(facts, lambda: snapshot.blocks(data), data, splitting)
    return Plan(data, split.Rule.of(snapshot.blocks(data), splitting), schema, condition)


def _parts(snapshot: Snapshot, plan: Plan, kept: Path, contents: Sequence[str]) -> list[Part]:
    """Give the part of every shard, which is told by its content: one that is kept, or a new one."""
    versions = {"numpy": np.__version__, "pandas": pd.__version__}  # other ones may add up or read otherwise
    made_by = {"plan": plan.config(), "code": _code(), "format": FORMAT_VERSION, "versions": versions}
    parts: list[Part] = []
    first_row = 0
    for shard, content in zip(snapshot.shards, contents, strict=True):
        place = kept / digest(made_by | {"shard": content, "first_row": first_row})[:32]
        if not place.exists():
            _make(shard, plan, place, first_row)
        os.utime(place)
        parts.append(Part.read(place, plan))
        first_row += parts[-1].facts["rows"]
    _forget(kept)
    return parts


def _contents(snapshot: Snapshot, kept: Path) -> list[str]:
    """Hash the shards, but not again what has the size and time of a file that was hashed before."""
    memory = kept / _CONTENTS
    known: dict[str, str] = read_json(memory) if memory.exists() else {}
    stamps = [shard.stamp() for shard in snapshot.shards]
    found = {stamp: known.get(stamp) or shard.content() for stamp, shard in zip(stamps, snapshot.shards, strict=True)}
    kept.mkdir(parents=True, exist_ok=True)
    write_json(memory, found)
    return [found[stamp] for stamp in stamps]


def _masks(snapshot: Snapshot, parts: Sequence[Part]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Read the masks of all shards, each with the number of its image's row."""
    first_row = 0
    for shard, one in zip(snapshot.shards, parts, strict=True):
        yield from ((first_row + place, mask) for place, mask in shard.masks())
        first_row += one.facts["rows"]


def _names(snapshot: Snapshot) -> list[str]:
    """Name the shards: enough to tell them apart where no part outlives the run."""
    return [shard.name for shard in snapshot.shards]


def _make(shard: Shard, plan: Plan, place: Path, first_row: int) -> None:
    building = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        part.write(shard.blocks(plan.data), plan, building, first_row)
        try:
            building.rename(place)
        except OSError:
            if not place.exists():  # else another run has just made the same
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _forget(kept: Path) -> None:
    """Remove parts that were long not asked for, and what killed processes left behind."""
    for place in kept.iterdir():
        if place.is_dir() and time.time() - place.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(place, ignore_errors=True)


def _code() -> str:
    """Hash the code that makes parts, for other code may make others."""
    folders = (Path(inspect.getfile(part)).parent, Path(inspect.getfile(runtime)).parent)
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return digest([sha256_of(path) for path in (*files, Path(inspect.getfile(columns)))])


def _assemble(parts: Sequence[Part], plan: Plan, summary: Summary, folder: Path) -> dict[str, Any]:
    """Put parts together, and refuse what they can't be used for."""
    data, schema = plan.data, plan.schema
    names = sorted({name for one in parts for name in one.facts["classes"]})
    anomalous = require_classes(names, data)
    rows = sum(one.facts["rows"] for one in parts)
    dropped = sum((Counter(one.facts["dropped"]) for one in parts), Counter({"missing_or_infinite": 0}))
    condition = _condition(parts, plan)
    require_few_missing(dropped["missing_or_infinite"], rows, data.max_invalid, _worst(parts, schema))
    counts = _counts(parts, anomalous)
    normal = [name for name, count in counts.items() if count["rows"] > count["anomalies"]]
    require_splits(normal, rows, plan.rule.params)
    _check_variety(summary)
    _check_magnitude(summary, schema)
    normaliser = statistics.fit_normaliser(summary, schema, data.normalise)
    for one in parts:
        _check_reach(one.ends, normaliser, schema)
    return {
        "format_version": FORMAT_VERSION,
        "schema": schema.config(),
        "shape": list(schema.shape),
        "dtype": parts[-1].facts["dtype"],
        "normaliser": normaliser.config(),
        "condition": condition,
        "classes": names,
        "anomalous": list(anomalous),
        "counts": counts,
        "dropped": {"missing_or_infinite": 0, "unseen_category": 0} | dropped,
        "duplicates": duplicates(parts, data.memory),
        "statistics": statistics.describe(summary, schema),
        "files": _collect(parts, names, folder),
    } | _borders(parts)


def _write_overview(
    snapshot: Snapshot, parts: Sequence[Part], plan: Plan, facts: surveying.Facts, summary: Summary, folder: Path
) -> dict[str, str]:
    """Write what people want to see of the rows, beside what stages need; give the hashes of the files."""
    seen = [
        showing.Seen(shard.name, one.facts, one.overview) for shard, one in zip(snapshot.shards, parts, strict=True)
    ]
    names = sorted({name for one in parts for name in one.facts["classes"]})
    splitting = plan.rule.params
    columns = showing.columns_of(facts, plan.data, splitting, plan.schema)
    found, sample = showing.show(seen, names, summary, plan.schema, splitting, columns)
    write_json(folder / OVERVIEW, found)
    save_file({name: np.ascontiguousarray(array) for name, array in sample.items()}, folder / SAMPLE)
    return {name: sha256_of(folder / name) for name in (OVERVIEW, SAMPLE)}


def _worst(parts: Sequence[Part], schema: Schema) -> str:
    """Name the column of a table that lacks the most values which nothing is imputed for."""
    columns = schema.columns if isinstance(schema, TableSchema) else ()
    gaps = {column.name: 0 for column in columns if column.impute == "none"}
    for one in parts:
        for name in gaps.keys() & one.facts["gaps"].keys():
            gaps[name] += sum(count for why, count in one.facts["gaps"][name].items() if why != "unseen")
    name = max(gaps, key=lambda name: gaps[name], default="")
    return f" ({gaps[name]} in column {name!r})" if gaps.get(name) else ""


def _counts(parts: Sequence[Part], anomalous: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = {name: {"rows": 0, "anomalies": 0} for name in SPLITS}
    for one in parts:
        codes = {str(code) for code, name in enumerate(one.facts["classes"]) if name in anomalous}
        for name, found in one.facts["counts"].items():
            counts[name]["rows"] += sum(found.values())
            counts[name]["anomalies"] += sum(rows for code, rows in found.items() if code in codes)
    return counts


def _merged(summaries: Sequence[Summary | None], schema: Schema) -> Summary:
    merged = Summary(schema)
    for summary in summaries:
        if summary is not None:
            merged.merge(summary)
    return merged


def _condition(parts: Sequence[Part], plan: Plan) -> dict[str, Any] | None:
    if plan.condition is None:
        return None
    summary = _merged([one.known for one in parts], plan.condition)
    if summary.empty:
        raise HourglassError(
            f"params.yaml: data.condition names {', '.join(plan.data.condition)}, and no normal training row has a "
            "value in all of them; fill them or name others."
        )
    _check_magnitude(summary, plan.condition)
    normaliser = statistics.fit_normaliser(summary, plan.condition, "standard")
    return Conditioning(plan.condition, normaliser, plan.data.label in plan.data.condition).config()


def _borders(parts: Sequence[Part]) -> dict[str, list[int]]:
    """Name the rows before which series begin or have gaps, and those with which recordings begin, where rows have."""
    found = [one.facts["borders"] for one in parts if "borders" in one.facts]
    return {"borders": [row for rows in found for row in rows]} if found else {}


def _collect(parts: Sequence[Part], names: Sequence[str], folder: Path) -> dict[str, str]:
    """Put the files of all parts in place; labels are numbered anew, for a new class moves the numbers of others."""
    files: dict[str, str] = {}
    for one in parts:
        codes = np.array([names.index(name) for name in one.facts["classes"]], np.int64)
        for name, sha256 in one.facts["files"].items():
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            if len(codes) and target.name.startswith("label-"):
                np.save(target, codes[np.load(one.folder / name, allow_pickle=False)])
                files[name] = sha256_of(target)
            else:
                linked(one.folder / name, target)
                files[name] = sha256
    return files


def _check_variety(summary: Summary) -> None:
    moments = summary.moments
    if (moments.low == moments.high).all():
        raise HourglassError(f"all {summary.rows} training rows are the same; there is nothing to learn from them.")


def _check_magnitude(summary: Summary, schema: Schema) -> None:
    moments = summary.moments
    largest: NDArray[np.float64] = np.atleast_1d(np.maximum(np.abs(moments.low), np.abs(moments.high)))
    if float(largest.max()) > LARGEST:
        where = f"column {schema.features[largest.argmax()]!r}" if isinstance(schema, TableSchema) else "the data"
        raise HourglassError(
            f"{where} holds {largest.max():.3g}, and numbers beyond {LARGEST:g} have no variance; is it a mark for a "
            "missing value? Mend the file or, of a table, set data.columns: {NAME: ignore}."
        )


def _check_reach(ends: NDArray[np.float64], normaliser: Normaliser, schema: Schema) -> None:
    """Refuse rows of any split whose squared errors would overflow in the nets' float32."""
    if not len(ends):
        return
    far = np.abs(normaliser(ends))
    if float(np.nanmax(far)) > _REACH:
        place = np.unravel_index(int(np.nanargmax(far)), far.shape)
        names = schema.features if isinstance(schema, TableSchema) else getattr(schema, "columns", ())
        where = f"column {names[place[1]]!r}" if names else "the data"
        raise HourglassError(
            f"{where} holds {ends[place]:.3g}, which is too far from what normal training rows hold for any net "
            f"(beyond {_REACH:g} of their units); is it a mark for a missing value? Mend the file or, of a table, set "
            "data.columns: {NAME: ignore}."
        )
