"""The raw snapshot in ``data/``: ``snapshot.json`` says how to read it, each folder beside it is a shard."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.data.sources import Raw, image, joined, masks, reader, sliced, tars
from hourglass.data.sources.packed import form_of
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, read_json

INDEX, SCHEMA = "snapshot.json", "schema.json"
SCHEMA_FORMAT = 1
#: How many times its size a block takes while it is encoded, measured and written; and its size, at most: small blocks
#: are looked up column by column too often, large ones leave the caches of the processor.
_BLOCKS_AT_ONCE, _BLOCK_BYTES = 8, 16 * 2**20
#: Name of a shard that was added: when (UTC), and the hash of what it holds.
DATED = re.compile(r"\d{8}T\d{6}Z-(?P<content>[0-9a-f]{12})")


@dataclass(frozen=True)
class Shard:
    """Some raw rows that never change again.

    Parameters
    ----------
    name : str
    stamp : callable
        Gives what changes when a file changes: names, sizes, times and inodes.
    content : callable
        Gives the hash of its files.
    read : callable
        Reads it in blocks of at most so many bytes.
    masks : callable
        Gives the masks of its images, each with the place of its row in the shard.
    """

    name: str
    stamp: Callable[[], str]
    content: Callable[[], str]
    read: Callable[[int], Iterator[Raw]]
    masks: Callable[[], Iterator[tuple[int, NDArray[np.bool_]]]] = lambda: iter(())

    def blocks(self, data: DataParams) -> Iterator[Raw]:
        """Read it in blocks so small that a stage stays within ``data.memory``."""
        return self.read(block_bytes(data))


@dataclass(frozen=True)
class Snapshot:
    """All raw rows, shard by shard.

    Parameters
    ----------
    shards : sequence of Shard
        First what the snapshot began with, then what was added, oldest first.
    facts : dict or None
        What ``schema.json`` says; None: nobody found out yet.
    """

    shards: Sequence[Shard]
    facts: dict[str, Any] | None = None

    @classmethod
    def of(cls, raw: Raw) -> Self:
        """Take rows that are in memory."""
        return cls([Shard("rows", lambda: "rows", lambda: "rows", lambda limit: sliced(raw, limit))])

    def blocks(self, data: DataParams) -> Iterator[Raw]:
        """Read all shards in blocks."""
        for shard in self.shards:
            yield from shard.blocks(data)


def block_bytes(data: DataParams) -> int:
    """Tell how large a block may be for a stage to stay within ``data.memory``."""
    return min(data.memory // _BLOCKS_AT_ONCE, _BLOCK_BYTES)


def opened(folder: Path, data: DataParams) -> Snapshot:
    """Open a snapshot.

    Raises
    ------
    HourglassError
        There is none.
    """
    index, facts = _index(folder), held(folder)
    by, kind = reader(index["reader"]), index["kind"]
    names = [one["name"] for one in facts["columns"]] if facts else []

    def shard(path: Path) -> Shard:
        def read(limit: int) -> Iterator[Raw]:
            return (_in_order(raw, names) for raw in by.blocks(path, kind, data, limit))

        def of_images() -> Iterator[tuple[int, NDArray[np.bool_]]]:
            return (
                masks.read(path, tars.names(path, image.STEM), form_of(data.image)) if masks.there(path) else iter(())
            )

        return Shard(path.name, partial(_stamp, path), partial(content, path), read, of_images)

    return Snapshot([shard(path) for path in shards(folder)], facts)


def _in_order(raw: Raw, names: list[str]) -> Raw:
    """Bring the columns of a table into the schema's order: a row's hash, and so its split, follows it."""
    if raw.kind != "table" or raw.side.columns.tolist() == names or set(raw.side.columns) != set(names):
        return raw
    frame = raw.side[names]
    return Raw(raw.kind, frame, frame)


def held(folder: Path) -> dict[str, Any] | None:
    """Read the schema that a snapshot holds; None where it holds none.

    Raises
    ------
    HourglassError
        The file is damaged or of another version.
    """
    if not (folder / SCHEMA).exists():
        return None
    facts: dict[str, Any] = read_json(folder / SCHEMA)
    version = facts.pop("format", None)
    if version != SCHEMA_FORMAT:
        raise HourglassError(
            f"{folder / SCHEMA} has format {version}; this version reads format {SCHEMA_FORMAT}. Make the "
            "snapshot anew with `hourglass data SOURCE`."
        )
    return facts


def _stamp(shard: Path) -> str:
    files = [(path.relative_to(shard).as_posix(), path.stat()) for path in sorted(shard.rglob("*")) if path.is_file()]
    return digest([[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in files])


def content(shard: Path) -> str:
    """Hash the files of a shard."""
    return digest(folder_hashes(shard))[:12]


def read(folder: Path, data: DataParams = DEFAULTS) -> Raw:
    """Read all shards of a snapshot, in the order of `shards`.

    Raises
    ------
    HourglassError
        There is no snapshot, or a shard can't be read or doesn't fit the others.
    """
    index = _index(folder)
    by = reader(index["reader"])
    parts = [part for shard in shards(folder) for part in by.blocks(shard, index["kind"], data, data.memory)]
    if not parts:
        raise HourglassError(f"{folder} holds no shard; run `hourglass data SOURCE` again.")
    _require_one_shape([part.rows for part in parts if part.kind != "table"], f"{folder}: shards have rows")
    for name in parts[0].arrays:
        arrays = [part.arrays.get(name, np.empty(0)) for part in parts]
        _require_one_shape(arrays, f"{folder}: shards have arrays {name!r}")
    return joined(parts)


def _index(folder: Path) -> dict[str, Any]:
    if not (folder / INDEX).exists():
        raise HourglassError(
            f"{folder} holds no snapshot; make one with `hourglass data digits` (or your own data), or fetch it with "
            "`dvc pull`."
        )
    index: dict[str, Any] = read_json(folder / INDEX)
    return index


def _require_one_shape(arrays: list[NDArray[Any]], named: str) -> None:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise HourglassError(f"{named} of different shapes {sorted(shapes)}; expected one.")


def shards(folder: Path) -> list[Path]:
    """List the shards of a snapshot: first what it began with, then what was added, oldest first."""
    found = [path for path in folder.iterdir() if path.is_dir()]
    return sorted(found, key=lambda shard: (DATED.fullmatch(shard.name) is not None, shard.name))
