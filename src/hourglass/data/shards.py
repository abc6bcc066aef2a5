"""New data beside the old: dated shards that never change again."""

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from hourglass.data.labels import Labels
from hourglass.data.snapshot import DATED, INDEX, read, shards
from hourglass.data.sources import Raw, joined, reader, reader_for
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, read_json
from hourglass.params import DataParams


def add(source: Path, folder: Path, params: DataParams, now: datetime) -> tuple[str, bool]:
    """Add a shard to a snapshot.

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

    Returns
    -------
    str and bool
        The shard's name, and whether it is new: the same data is added once, also on another day.

    Raises
    ------
    HourglassError
        The data can't be read or doesn't fit the snapshot, which is as before.
    """
    there = read(folder, params)
    index = read_json(folder / INDEX)
    name = reader_for(source, params)
    if name != index["reader"]:
        raise HourglassError(f"{source} is read as {name}; the snapshot in data/ is read as {index['reader']}.")
    building = folder.with_name(f".{folder.name}-shard.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        kind = reader(name).take(source, building, params)
        content = _content(building)
        for shard in shards(folder):
            dated = DATED.fullmatch(shard.name)
            if content == (dated["content"] if dated else _content(shard)):
                return shard.name, False
        new = joined(list(reader(name).blocks(building, kind, params, params.memory)))
        _require_fit(there, new, source, params)
        return building.rename(folder / f"{now:%Y%m%dT%H%M%SZ}-{content}").name, True
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _content(shard: Path) -> str:
    return digest(folder_hashes(shard))[:12]


def _require_fit(there: Raw, new: Raw, source: Path, params: DataParams) -> None:
    """Refuse what the snapshot can't hold, and what would change the hashes, and so the splits, of its rows."""
    here, expected = _form(new), _form(there)
    for key in expected | here:
        if here.get(key) != expected.get(key):
            found, wanted = here.get(key, "missing"), expected.get(key, "none")
            raise HourglassError(f"{source}: {key} is {found}; expected {wanted}, as in data/.")
    for name in sorted(set(there.side.columns) ^ set(new.side.columns)):
        problem = "is missing" if name in there.side.columns else "is not in data/"
        raise HourglassError(f"{source}: column {name!r} {problem}; expected the columns of the snapshot.")
    both = joined([there, new])
    for name in there.side.columns:
        if _is_number(there.side[name]) and not _is_number(both.side[name]):
            raise HourglassError(f"{source}: column {name!r} holds text; expected numbers, as in data/.")
    try:
        Labels.of(both, params)
    except HourglassError as problem:
        raise HourglassError(f"{source}: {problem}") from problem


def _form(raw: Raw) -> dict[str, str]:
    form: dict[str, str] = {"the kind of data": raw.kind}
    if raw.kind != "table":
        form |= {"the shape of a row": str(raw.rows.shape[1:]), "the type": str(raw.rows.dtype)}
        form |= {f"the shape of a row of {name!r}": str(array.shape[1:]) for name, array in raw.arrays.items()}
    return form


def _is_number(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(column))
