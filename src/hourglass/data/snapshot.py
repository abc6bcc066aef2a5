"""The raw snapshot in ``data/``: ``snapshot.json`` says how to read it, each folder beside it is a shard."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data import schemas
from hourglass.data.labels import Labels, require_classes
from hourglass.data.settings import SignalSettings
from hourglass.data.sources import Kind, Raw, derived, joined, reader, reader_for, sliced, torchvision_sets, urls
from hourglass.data.sources import audio as recordings
from hourglass.data.sources import signal as series
from hourglass.data.sources.anomalies import ANOMALY
from hourglass.data.sources.embedded import EMBEDDED
from hourglass.data.sources.pair import PAIR
from hourglass.data.sources.torchvision_sets import PREFIX
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, read_json, write_json
from hourglass.params import DataParams, SplitParams
from hourglass.runtime.recordings import SUFFIXES

INDEX, SCHEMA = "snapshot.json", "schema.json"
_SCHEMA_FORMAT = 1
#: How many times its size a block takes while it is encoded, measured and written; and its size, at most: small blocks
#: are looked up column by column too often, large ones leave the caches of the processor.
_BLOCKS_AT_ONCE, _BLOCK_BYTES = 8, 16 * 2**20
#: For those who read what no setting changes.
DEFAULTS = DataParams()
#: Name of a shard that was added: when (UTC), and the hash of what it holds.
DATED = re.compile(r"\d{8}T\d{6}Z-(?P<content>[0-9a-f]{12})")
#: How rows that overlap are divided: `split.by` and `split.column`.
_SPLITS = {"signal": ("time", "start"), "audio": ("group", recordings.FILE)}


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
    """

    name: str
    stamp: Callable[[], str]
    content: Callable[[], str]
    read: Callable[[int], Iterator[Raw]]

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

        return Shard(path.name, partial(_stamp, path), partial(content, path), read)

    return Snapshot([shard(path) for path in shards(folder)], facts)


def _in_order(raw: Raw, names: list[str]) -> Raw:
    """Bring the columns of a table into the schema's order: a row's hash, and so its split, follows it."""
    if raw.kind != "table" or list(raw.side.columns) == names or set(raw.side.columns) != set(names):
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
    if version != _SCHEMA_FORMAT:
        raise HourglassError(
            f"{folder / SCHEMA} has format {version}; this version reads format {_SCHEMA_FORMAT}. Make the "
            "snapshot anew with `hourglass data SOURCE`."
        )
    return facts


def _stamp(shard: Path) -> str:
    files = [(path.relative_to(shard).as_posix(), path.stat()) for path in sorted(shard.rglob("*")) if path.is_file()]
    return digest([[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in files])


def content(shard: Path) -> str:
    """Hash the files of a shard."""
    return digest(folder_hashes(shard))[:12]


def proposed_params(
    source: str,
    label: str | None = None,
    normal: list[str] | None = None,
    anomalous: list[str] | None = None,
    condition: list[str] | None = None,
    signal: SignalSettings | None = None,
    pair: str | None = None,
    derive: Literal["edges", "night"] | None = None,
) -> DataParams:
    """Propose the settings that go with a new snapshot; an embedded set knows its label, and so do known anomalies.

    What pairs images is what a conditional variant is told, unless `condition` names something else.

    Raises
    ------
    HourglassError
        A label without its normal or anomalous values, or the other way round.
    """
    if pair is not None and derive is not None:
        raise HourglassError("give --pair or --derive, not both; either pairs every image with one other.")
    for folder in (source, pair) if pair is not None else ():
        if not Path(folder).is_dir():
            raise HourglassError(f"{folder} is no folder; --pair takes two folders of images that have the same names.")
    embedded = EMBEDDED.get(source)
    partner = [PAIR] if pair else list[str](filter(None, [derive]))
    if embedded is not None and label is None:
        return DataParams(
            source=source,
            label=embedded.label,
            normal=embedded.normal,
            anomalous=embedded.anomalous,
            condition=(partner or embedded.condition) if condition is None else condition,
            derive=derive,
        )
    if signal is not None and signal.anomalies is not None and label is None:
        label, anomalous = ANOMALY, ["1"]
    if (label is None) != (normal is None and anomalous is None):
        raise HourglassError("give --label COL together with --normal V (or --anomalous V), or none of them.")
    if normal is not None and anomalous is not None:
        raise HourglassError("give --normal or --anomalous, not both; all other labels are the other kind.")
    name = source if embedded or source.startswith(PREFIX) else urls.name_of(source)
    return DataParams(
        source=name,
        label=label,
        normal=list(normal) if normal else None,
        anomalous=list(anomalous) if anomalous else None,
        condition=condition or partner,
        signal=signal or SignalSettings(),
        pair=pair,
        derive=derive,
    )


def settled(source: str, params: DataParams, now: SplitParams) -> tuple[DataParams, SplitParams, list[str]]:
    """Find the settings of series and recordings that were left open, and say how their rows are divided.

    Windows are divided by time, for they overlap, pieces by their recording. What is set of the split stays where it
    suits: another group than the recording, and any rule for rows that don't overlap.

    Parameters
    ----------
    source : str
    params : DataParams
    now : SplitParams
        How rows were divided before.

    Returns
    -------
    DataParams
    SplitParams
    list of str
        What was found and why, a sentence each; see `settle` of the readers.

    Raises
    ------
    HourglassError
        The source can't be read, or a column of times is named and it holds no tables.
    """
    if _says_all(source, params):
        return params, _split_for("", now), []
    with urls.local(source) as path:
        by = reader_for(path, params)
        if params.signal.time is not None and by != "signal":
            raise HourglassError(f"{path} holds no tables; --time is for those with a column of times.")
        found: dict[str, Any] = {}
        said: list[str] = []
        if by == "signal":
            found["signal"], said = series.settle(path, params)
        elif by == "audio":
            found["audio"], said = recordings.settle(path, params)
    return params.model_copy(update=found), _split_for(by, now), said


def _says_all(source: str, params: DataParams) -> bool:
    """Tell whether a name alone says that nothing is left open; what it leads to need not be fetched then."""
    if source in EMBEDDED or source.startswith(PREFIX):
        return params.signal.time is None
    suffix = Path(urls.name_of(source)).suffix.lower()
    return urls.is_url(source) and params.signal.time is None and suffix not in {"", *SUFFIXES}


def _split_for(by: str, now: SplitParams) -> SplitParams:
    before = (now.by, now.column)
    usual: tuple[str, str | None] | None = _SPLITS.get(by)
    if by == "audio" and now.by in ("group", "given") and before not in _SPLITS.values():
        usual = before
    rule, column = usual or (("hash", None) if before in _SPLITS.values() else before)
    return now.model_copy(update={"by": rule, "column": column})


def build(source: str, folder: Path, params: DataParams, splitting: SplitParams = SplitParams()) -> None:  # noqa: B008
    """Write a snapshot into a new folder and check that it can be read.

    Parameters
    ----------
    source : str
        ``digits``, ``breast_cancer``, ``torchvision:MNIST`` and others, a path, or a URL that fsspec opens.
    folder : Path
        Must not exist; is there afterwards only if all went well.
    params : DataParams
        What the labels and conditions will be.
    splitting : SplitParams
        Which rows are in train; the categories that the schema holds are those of its normal rows.

    Raises
    ------
    HourglassError
        The source can't be read, or its labels or conditions are not there.
    """
    building = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    try:
        shard = building / (re.sub(r"[^\w.-]", "_", Path(urls.name_of(source)).stem) or "raw")
        shard.mkdir(parents=True)
        by, kind = _take(source, shard, params)
        derived.require_images(kind, params)
        index = {"format": 1, "kind": kind, "reader": by, "content": {shard.name: content(shard)}}
        write_json(building / INDEX, index)
        _check(opened(building, params), params)
        facts = schemas.survey(lambda: opened(building, params).blocks(params), params, splitting)
        write_json(building / SCHEMA, {"format": _SCHEMA_FORMAT} | facts)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _check(snapshot: Snapshot, params: DataParams) -> None:
    """Refuse labels and conditions that aren't there."""
    names: set[str] = set()
    first_row = 0
    for block in snapshot.blocks(params):
        names |= set(Labels.of(block, params, first_row).names)
        first_row += len(block.side)
        for name in params.condition:
            if name not in block.arrays:
                block.column(name, "data.condition")
    require_classes(names, params)


def read_source(source: str, data: DataParams = DEFAULTS) -> Raw:
    """Read what a snapshot could be made of, and make none.

    Parameters
    ----------
    source : str
        As of `build`.

    Raises
    ------
    HourglassError
        The source can't be read.
    """
    return joined(list(blocks_of_source(source, data, data.memory)))


def blocks_of_source(source: str, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read what a snapshot could be made of in blocks of at most `limit` bytes.

    A file that its reader takes as it is is read where it lies; what can't be read is told when it is met.

    Parameters
    ----------
    source : str
        As of `build`.
    data : DataParams
    limit : int

    Raises
    ------
    HourglassError
        The source can't be read.
    """
    with TemporaryDirectory() as name:
        shard = Path(name)
        link = _link(source, shard, data)
        by, kind = link or _take(source, shard, data)
        try:
            yield from reader(by).blocks(shard, kind, data, limit)
        except HourglassError as problem:
            links = [path for path in shard.iterdir() if path.is_symlink()]
            raise HourglassError(_named(str(problem), links)) from problem


def _link(source: str, shard: Path, data: DataParams) -> tuple[str, Kind] | None:
    """Link a file into a shard, where its reader takes one; None where it must be taken."""
    if source in EMBEDDED or source.startswith(PREFIX) or urls.is_url(source):
        return None
    by = reader_for(Path(source), data)
    link = getattr(reader(by), "link", None)
    kind = link and link(Path(source), shard, data)
    return (by, kind) if kind else None


def _named(message: str, links: list[Path]) -> str:
    """Say what a link leads to in its place."""
    for link in links:
        message = message.replace(str(link), str(link.readlink()))
    return message


def _take(source: str, shard: Path, data: DataParams) -> tuple[str, Kind]:
    """Write the raw files of a source into an empty folder; name their reader and their kind."""
    embedded = EMBEDDED.get(source)
    if embedded is not None:
        return embedded.reader, embedded.write(shard)
    if source.startswith(PREFIX):
        return "array", torchvision_sets.write(source, shard)
    with urls.local(source) as path:
        by = reader_for(path, data)
        return by, reader(by).take(path, shard, data)


@contextmanager
def replaced(folder: Path, new: Path) -> Iterator[None]:
    """Put a new snapshot in the place of the old one; the old one comes back if the block fails or is killed."""
    put_back(folder)
    old = _old(folder)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        put_back(folder)
        raise
    if old.exists():  # under another name first: what lies under this one comes back as a whole
        old.rename(new)
        shutil.rmtree(new)


def put_back(folder: Path) -> None:
    """Undo a replacement that was killed in the middle."""
    old = _old(folder)
    if old.exists():
        shutil.rmtree(folder, ignore_errors=True)
        old.rename(folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


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
