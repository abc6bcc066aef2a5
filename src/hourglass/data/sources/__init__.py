"""What raw data can be: one file for each way of reading it.

A reader module has three functions: ``accepts(path, data)``, ``take(path, shard, data)``, which copies raw data into a
folder of the snapshot and says what kind it is, and ``blocks(shard, kind, data, limit)``, which reads that in parts.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.errors import HourglassError

Kind = Literal["table", "signal", "audio", "image", "array"]
READERS = ("signal", "audio", "pair", "image", "array", "table")


@dataclass(frozen=True)
class Raw:
    """Raw rows in memory: a block of a shard, or all of it.

    Parameters
    ----------
    kind : str
    rows : DataFrame or ndarray
        Of a table every column; otherwise the arrays, one entry per row.
    side : DataFrame
        What can be a label or decide a split: the columns of a table, or what lies beside the arrays.
    arrays : dict of str to ndarray
        What lies beside and has more dimensions, such as another image of each row.
    """

    kind: Kind
    rows: Any
    side: pd.DataFrame
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def part(self, which: slice) -> "Raw":
        """Take consecutive rows."""
        side = self.side.iloc[which].reset_index(drop=True)
        arrays = {name: array[which] for name, array in self.arrays.items()}
        if self.rows is self.side:
            return Raw(self.kind, side, side, arrays)
        rows = self.rows.iloc[which].reset_index(drop=True) if self.kind == "table" else self.rows[which]
        return Raw(self.kind, rows, side, arrays)

    def column(self, name: str, key: str) -> "pd.Series[Any]":
        """Give a column of `side`.

        Raises
        ------
        HourglassError
            There is none; the message names the setting `key` that asked for it.
        """
        require_column(name, self.side.columns, key)
        return self.side[name]


def require_column(name: str, there: Collection[str], key: str) -> None:
    """Refuse a column that isn't there; the message names the setting `key` that asked for it."""
    if name not in there:
        named = ", ".join(map(str, there)) or "none"
        raise HourglassError(f"params.yaml: {key} is {name!r}; the data has no such column (there: {named}).")


class Reader(Protocol):
    """The functions of a reader module."""

    def accepts(self, path: Path, data: DataParams) -> bool:
        """Tell whether this reader is for a file or folder."""
        ...

    def take(self, path: Path, shard: Path, data: DataParams) -> Kind:
        """Copy raw data into an empty folder, check all of it, and say what kind it is."""
        ...

    def blocks(self, shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
        """Read what `take` copied, in order, in blocks of at most `limit` bytes (but at least a row)."""
        ...


def reader(name: str) -> Reader:
    """Import a reader by name."""
    return cast(Reader, import_module(f"{__name__}.{name}"))


def reader_for(path: Path, data: DataParams) -> str:
    """Name the reader for a file or folder.

    Raises
    ------
    HourglassError
        There is no such path, or no reader takes it.
    """
    if not path.exists():
        from hourglass.data.sources.embedded import EMBEDDED

        sets = ", ".join(EMBEDDED)
        raise HourglassError(f"{path} doesn't exist; give a file, a folder, or one of the bundled sets: {sets}.")
    for name in READERS:
        if reader(name).accepts(path, data):
            return name
    raise HourglassError(
        f"{path} is nothing Hourglass reads; expected a table (.csv, .tsv, .jsonl, .parquet, .arrow), arrays (.npy, "
        ".npz), or a folder of tables, of images or of recordings (.wav, .flac, .ogg)."
    )


def joined(parts: Sequence[Raw]) -> Raw:
    """Put the rows of blocks one after the other."""
    if len(parts) == 1:
        return parts[0]
    side = pd.concat([part.side for part in parts], ignore_index=True)
    if parts[0].kind == "table":
        return Raw("table", side, side)
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    return Raw(parts[0].kind, np.concatenate([part.rows for part in parts]), side, arrays)


def sliced(raw: Raw, limit: int) -> Iterator[Raw]:
    """Cut rows in memory into blocks of at most `limit` bytes."""
    rows = len(raw.side) if raw.kind == "table" else len(raw.rows)
    step = max(1, limit * rows // max(1, _bytes(raw)))
    if step >= rows:
        yield from [raw] if rows else []
        return
    for start in range(0, rows, step):
        yield raw.part(slice(start, start + step))


def _bytes(raw: Raw) -> int:
    arrays = [raw.rows] if raw.kind != "table" else []
    sizes = [getattr(dtype, "itemsize", 0) if dtype.kind in "biufM" else 0 for dtype in raw.side.dtypes]
    held = len(raw.side) * sum(sizes) + sum(int(array.nbytes) for array in [*arrays, *raw.arrays.values()])
    if all(sizes):
        return held
    texts = raw.side.loc[:, [not size for size in sizes]]
    return held + int(texts.memory_usage(deep=True, index=False).sum())
