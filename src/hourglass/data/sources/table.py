"""Tables: CSV and Parquet."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hourglass.data.sources import Kind, Raw, sliced
from hourglass.errors import HourglassError
from hourglass.params import DataParams

_SUFFIXES = {".csv", ".parquet"}


def accepts(path: Path, data: DataParams) -> bool:
    """Take files by their suffix."""
    return path.is_file() and path.suffix.lower() in _SUFFIXES


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Copy the file as it is, after reading it once."""
    target = shard / f"table{path.suffix.lower()}"
    shutil.copyfile(path, target)
    try:
        for _ in blocks(shard, "table", data, data.memory):
            pass
    except HourglassError as problem:
        raise HourglassError(str(problem).replace(str(target), str(path))) from problem
    return "table"


def link(path: Path, shard: Path, data: DataParams) -> Kind:
    """Have `blocks` read a file where it lies, unchecked."""
    (shard / f"table{path.suffix.lower()}").symlink_to(path.absolute())
    return "table"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read the one table of a shard."""
    path = next(iter(sorted(shard.glob("table.*"))), None)
    if path is None:
        raise HourglassError(f"{shard} holds no table; run `hourglass data SOURCE` again.")
    frame = _frame(path)
    frame.columns = frame.columns.map(str)
    if frame.empty:
        raise HourglassError(f"{path} holds no rows; expected a header and at least one row of data.")
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise HourglassError(f"{path}: column {doubled[0]!r} appears twice; give every column a name of its own.")
    yield from sliced(Raw(kind, frame, frame), limit)


def _frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        # with a row beside it: a header that is too short is refused, not completed by an index
        header = pd.read_csv(path, header=None, nrows=2, dtype=str).iloc[0]
        frame = pd.read_csv(path)
    except pd.errors.EmptyDataError as empty:
        raise HourglassError(f"{path} is empty; expected a header and at least one row of data.") from empty
    except (ValueError, OSError, UnicodeDecodeError) as broken:
        what = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise HourglassError(f"{path} can't be read as {what}: {' '.join(str(broken).split())}.") from broken
    # pandas renames a doubled column silently; the header row tells
    if len(header) == len(frame.columns):
        frame.columns = pd.Index(header.fillna("").to_list())
    return frame
