"""New data beside the old: dated shards that never change again."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hourglass.data import fit
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ColumnSettings
from hourglass.data.snapshot import DATED, INDEX, SCHEMA, block_bytes, content, held, shards
from hourglass.data.sources import reader, reader_for
from hourglass.errors import HourglassError
from hourglass.files import read_json


@dataclass(frozen=True)
class Added:
    """What became of new data.

    Parameters
    ----------
    name : str
        Its shard.
    new : bool
        Whether the shard is new: the same data is added once, also on another day.
    remarks : list of str
        What should be known of it.
    """

    name: str
    new: bool
    remarks: list[str]


def add(
    source: Path,
    folder: Path,
    params: DataParams,
    now: datetime,
    absent: Collection[str] = (),
    splitting: SplitParams = SplitParams(),  # noqa: B008
) -> Added:
    """Add a shard to a snapshot, of which only ``snapshot.json`` and ``schema.json`` have to be there.

    Parameters
    ----------
    source : Path
        What the snapshot's reader takes.
    folder : Path
        The snapshot; the shard is in it as a whole or not at all.
    params : DataParams
        What the labels are.
    now : datetime
        The shard's date, in UTC.
    absent : collection of str
        Names of shards that the snapshot has and the folder doesn't.
    splitting : SplitParams
        What has to be there for rows to be divided.

    Raises
    ------
    HourglassError
        The data can't be read or doesn't fit the snapshot, which is as before.
    """
    index = read_json(folder / INDEX)
    name = reader_for(source, params)
    if name != index["reader"]:
        raise HourglassError(f"{source} is read as {name}; the snapshot in data/ is read as {index['reader']}.")
    facts = _required_schema(folder)
    reading = _with_categories(params, facts)
    building = folder.with_name(f".{folder.name}-shard.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        kind = reader(name).take(source, building, reading)
        new = content(building)
        for there in [*absent, *(shard.name for shard in shards(folder))]:
            if new == _content_of(there, index):
                return Added(there, False, [])
        blocks = reader(name).blocks(building, kind, reading, block_bytes(params))
        try:
            remarks = fit.check(blocks, facts, params, splitting)
        except HourglassError as problem:
            raise HourglassError(f"{source}: {problem}") from problem
        return Added(building.rename(folder / f"{now:%Y%m%dT%H%M%SZ}-{new}").name, True, remarks)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _required_schema(folder: Path) -> dict[str, Any]:
    facts = held(folder)
    if facts is None:
        raise HourglassError(f"{folder / SCHEMA} is missing; make the snapshot anew with `hourglass data SOURCE`.")
    return facts


def _with_categories(params: DataParams, facts: dict[str, Any]) -> DataParams:
    """Have what the schema takes for categories read as text: `007` stays that in a shard that has no other."""
    usual = ColumnSettings()
    columns = {
        one["name"]: replace(params.columns.get(one["name"], usual), type="category")
        for one in facts["columns"]
        if one["type"] == "category" and params.columns.get(one["name"], usual).type == "auto"
    }
    return params.model_copy(update={"columns": params.columns | columns})


def _content_of(shard: str, index: dict[str, dict[str, str]]) -> str | None:
    dated = DATED.fullmatch(shard)
    return dated["content"] if dated else index.get("content", {}).get(shard)
