"""Tables: delimited text, JSON lines, Parquet and Arrow, as a file or a folder of files; text also compressed.

A shard holds the files as they came. Beside them stands ``format.json``: what they are, found out once.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import unquote

import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw, columnar, compression, delimited, dialect, folders, jsonlines, sliced
from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json

Format = Literal["text", "json", "parquet", "arrow", "stream"]

_TEXT = {".csv", ".tsv", ".tab", ".psv"}
_JSON = {".jsonl", ".ndjson"}
_COLUMNAR = {".parquet", ".pq", ".arrow", ".feather", ".ipc"}
_SUFFIXES = _TEXT | _JSON | _COLUMNAR
_STEM, _FORMAT = "table", "format.json"
#: How files begin that are taken for tables and are none.
_OTHERS = {
    b"PK\x03\x04": "a zip archive, as Excel's files are",
    b"\xd0\xcf\x11\xe0": "a file of old Excel",
    b"%PDF": "PDF",
}
#: The name of a missing value in the name of a folder, as Hive has it.
_MISSING = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Description:
    """What the files of a table are.

    Parameters
    ----------
    format : str
    columns : tuple of str
        Those of the files.
    partitions : tuple of str
        Those that stand in the names of folders, ``year=2024``.
    delimiter : str
        Of text.
    cells : dict of str to str
        What the columns of text are read as.
    """

    format: Format
    columns: tuple[str, ...]
    partitions: tuple[str, ...] = ()
    delimiter: str = ""
    cells: dict[str, delimited.Cells] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``format.json``."""
        content = read_json(path)
        return cls(**content | {name: tuple(content[name]) for name in ("columns", "partitions")})


def accepts(path: Path, data: DataParams) -> bool:
    """Take files by their suffix, and folders with at least one such file somewhere below."""
    return _is_table(path) if path.is_file() else path.is_dir() and bool(files_below(path))


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Copy the files as they are, and find out what they are."""
    target = _place(path, shard)
    _copy(path, target)
    with _named(target, path):
        write_json(shard / _FORMAT, asdict(_described(target, data)))
    return "table"


def link(path: Path, shard: Path, data: DataParams) -> Kind:
    """Have `blocks` read files where they lie, instead of copying them."""
    _place(path, shard).symlink_to(path.absolute(), target_is_directory=path.is_dir())
    return "table"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read the rows, file by file; what they are read as is the same in every block."""
    path = _held(shard)
    known = shard / _FORMAT
    about = Description.read(known) if known.exists() else _described(path, data)
    for file in _files(path):
        for frame in _frames(file, path, about, data, limit):
            yield from sliced(Raw(kind, frame, frame), limit)


def texts(shard: Path, data: DataParams) -> list[tuple[Path, Description]]:
    """List the files of a shard that are delimited text, in order, with what each is."""
    files = [(file, _of_file(file, data)) for file in _files(_held(shard))]
    return [(file, about) for file, about in files if about.format == "text"]


def _held(shard: Path) -> Path:
    path = next(iter(sorted(shard.glob(f"{_STEM}*"))), None)
    if path is None:
        raise HourglassError(f"{shard} holds no table; run `hourglass data SOURCE` again.")
    return path


def _place(path: Path, shard: Path) -> Path:
    return shard / (_STEM if path.is_dir() else _STEM + "".join(_suffixes(path)))


def _suffixes(path: Path) -> list[str]:
    """Give the suffix of a table, and that of what it is compressed by."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    return suffixes if len(suffixes) == 2 and suffixes[1] in compression.SUFFIXES else suffixes[-1:]


def _is_table(path: Path) -> bool:
    return next(iter(_suffixes(path)), "") in _SUFFIXES


def files_below(folder: Path) -> list[Path]:
    """List the tables somewhere below a folder, in the order of their paths; see `folders.below`."""
    found = folders.below(folder, _SUFFIXES | compression.SUFFIXES.keys())
    return sorted((file for file in found if _is_table(file) and not file.name.startswith("_")), key=Path.as_posix)


def _files(path: Path) -> list[Path]:
    return files_below(path) if path.is_dir() else [path]


def _copy(path: Path, target: Path) -> None:
    for file in _files(path):
        copy = target / file.relative_to(path) if path.is_dir() else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, copy)
        except OSError as problem:
            raise HourglassError(
                f"{file} can't be copied ({problem.strerror or problem}); check who may read it and whether the disk "
                "is full."
            ) from problem


@contextmanager
def _named(target: Path, path: Path) -> Iterator[None]:
    """Name what people gave, not its copy."""
    try:
        yield
    except HourglassError as problem:
        raise HourglassError(str(problem).replace(str(target), str(path))) from problem


def _described(path: Path, data: DataParams) -> Description:
    """Find out what a table is; all of it is read, so that what is damaged is refused."""
    files = _files(path)
    about = [_of_file(file, data) for file in files]
    for file, one in zip(files, about, strict=True):
        _require_same(file, one, files[0], about[0])
    partitions = _partitions(files[0], path)
    for name in partitions:
        if name in about[0].columns:
            raise HourglassError(f"{path}: column {name!r} is in the files and in the names of folders; rename one.")
    rows = 0
    cells: dict[str, set[str]] = {name: set() for name in about[0].columns}
    for file, one in zip(files, about, strict=True):
        if tuple(_partitions(file, path)) != tuple(partitions):
            raise HourglassError(
                f"{file} lies in folders named by {', '.join(_partitions(file, path)) or 'nothing'}; expected "
                f"{', '.join(partitions) or 'nothing'}, as of {files[0]}."
            )
        seen, count = delimited.cells_in(_read(file, one, data, data.memory // 8), one.columns)
        cells = {name: cells[name] | seen[name] for name in cells}
        rows += count
    if not rows:
        raise HourglassError(f"{path} holds no rows; expected a header and at least one row of data.")
    read_as = {name: delimited.cells_of(found) for name, found in cells.items()} if about[0].format == "text" else {}
    return Description(about[0].format, about[0].columns, tuple(partitions), about[0].delimiter, read_as)


def _of_file(file: Path, data: DataParams) -> Description:
    """Tell what one file is by what it holds; its suffix only tells JSON lines from delimited text."""
    with compression.opened(file) as stream:
        start = stream.read(8)
    for beginning, what in _OTHERS.items():
        if start.startswith(beginning):
            raise HourglassError(f"{file} is {what}, not what its name says; save it as CSV or Parquet.")
    kind = columnar.kind_of(start)
    if kind is not None:
        if compression.compressed_by(file):
            raise HourglassError(f"{file} is compressed once more around {kind.capitalize()}; unpack it.")
        return _checked(file, Description(cast(Format, kind), columnar.columns(file, kind)))
    suffix = _suffixes(file)[0]
    if suffix in _COLUMNAR:
        raise HourglassError(
            f"{file} can't be read as {suffix[1:].capitalize()}: it begins with {start!r}; is it cut off?"
        )
    if suffix in _JSON:
        return _checked(file, Description("json", jsonlines.columns(file)))
    how = dialect.written(file, data.table)
    return Description("text", how.columns, delimiter=how.delimiter)


def _checked(file: Path, about: Description) -> Description:
    doubled = [name for place, name in enumerate(about.columns) if name in about.columns[:place]]
    if doubled:
        raise HourglassError(f"{file}: column {doubled[0]!r} appears twice; give every column a name of its own.")
    return about


def _require_same(file: Path, one: Description, first: Path, expected: Description) -> None:
    if one.format != expected.format:
        raise HourglassError(
            f"{file} is {one.format} and {first} is {expected.format}; expected one format in a folder."
        )
    for name in sorted({*one.columns} ^ {*expected.columns}):
        problem = "is missing" if name in expected.columns else "is new"
        raise HourglassError(f"{file}: column {name!r} {problem}; expected the columns of {first}.")


def _partitions(file: Path, root: Path) -> dict[str, str]:
    """Read the columns that stand in the names of the folders that a file lies in."""
    parts = file.parent.relative_to(root).parts if root.is_dir() else ()
    return {unquote(name): unquote(value) for name, found, value in (part.partition("=") for part in parts) if found}


def _frames(file: Path, root: Path, about: Description, data: DataParams, limit: int) -> Iterator[pd.DataFrame]:
    """Read a file of a table; where folders are named after values, these stand beside."""
    values = {name: None if value == _MISSING else value for name, value in _partitions(file, root).items()}
    wanted = [*about.columns, *about.partitions]
    for frame in _read(file, about, data, limit):
        beside = {name: pd.Series([value] * len(frame), dtype=str) for name, value in values.items()}
        yield frame if frame.columns.tolist() == wanted else frame.assign(**beside)[wanted]


def _read(file: Path, about: Description, data: DataParams, limit: int) -> Iterator[pd.DataFrame]:
    match about.format:
        case "text":
            how = dialect.written(file, data.table)
            return delimited.pieces(file, how, data.table, limit, _cells(about, data))
        case "json":
            return jsonlines.frames(file, about.columns, limit)
    return columnar.frames(file, about.format, limit)


def _cells(about: Description, data: DataParams) -> dict[str, delimited.Cells]:
    """Say what the columns of text are read as; categories, and what is only carried along, keep their first zeros."""
    as_written = [name for name, column in data.columns.items() if column.type in ("category", "ignore")]
    return about.cells | dict.fromkeys([name for name in as_written if name in about.columns], "text")
