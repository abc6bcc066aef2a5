"""Tables of series, read in pieces of one size whatever the memory, so that their windows are the same everywhere."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.sources import table
from hourglass.data.sources.refusing import refused
from hourglass.errors import HourglassError
from hourglass.runtime.cuts import Cut
from hourglass.runtime.signal import SignalSchema

#: Cells of a piece, which is laid out on its grid as a whole, and its copies in memory meanwhile.
_CELLS, _COPIES = 2**20, 4
#: Windows that a piece has room for, at least; and blocks of a table that the memory has room for.
_WINDOWS, _BLOCKS = 64, 16


@dataclass(frozen=True)
class Piece:
    """Some rows of a table, and the number of the first."""

    frame: pd.DataFrame
    first_row: int


def pieces_of(folder: Path, name: str, data: DataParams) -> Iterator[Piece]:
    """Read a table in pieces of one size, whatever blocks it comes in."""
    waiting: list[pd.DataFrame] = []
    first_row = count = size = 0
    for part in _rows(folder, name, data):
        rows = max(_CELLS // len(part.columns), _WINDOWS * data.signal.window)
        while count + len(part) > rows:
            yield Piece(pd.concat([*waiting, part.iloc[: rows - count]], ignore_index=True), first_row)
            part = part.iloc[rows - count :]  # noqa: PLW2901
            first_row += rows
            waiting, count, size = [], 0, 0
        waiting.append(part)
        count += len(part)
        size += _COPIES * int(part.memory_usage(deep=True).sum())
        if size > data.memory:
            raise HourglassError(
                f"{name} needs more than the {data.memory:,} bytes that data.memory allows; raise it, or divide the "
                "file by time into several."
            )
    yield Piece(pd.concat(waiting, ignore_index=True), first_row)


def _rows(folder: Path, name: str, data: DataParams) -> Iterator[pd.DataFrame]:
    try:
        for block in table.blocks(folder, "table", data, data.memory // _BLOCKS):
            yield block.rows
    except HourglassError as problem:
        raise HourglassError(re.sub(rf"{re.escape(str(folder))}/table[\w.]*", name, str(problem))) from problem


def cuts_of(schema: SignalSchema, pieces: Iterable[Piece], name: str) -> Iterator[tuple[Piece, Cut]]:
    """Cut the pieces of a table one after the other; between two of them series end and begin anew.

    Raises
    ------
    HourglassError
        A piece can't be read, holds what is earlier than the piece before, or all of them together hold no window.
    """
    last: dict[str, int] = {}
    longest = 0
    for piece in pieces:
        where = f"{name}, rows from {piece.first_row} on" if piece.first_row else name
        with refused(where):
            found = schema.cut_all(piece.frame)
        _require_order(found, last, where)
        longest = max(longest, found.longest)
        if len(found.starts):
            yield piece, found
    if longest < schema.window:
        raise HourglassError(f"{name}: {schema.too_short(longest)}")


def _require_order(found: Cut, last: dict[str, int], where: str) -> None:
    """Refuse a piece of a table that has readings before those of the piece before; note the last of each series."""
    for name, ns in found.spans.items():
        if ns[0] < last.get(name, ns[0]):
            raise HourglassError(
                f"{where}: readings are earlier than those before; so large a file must be sorted by "
                f"{found.schema.time!r}. Sort it, or divide it into several files."
            )
        last[name] = ns[1]
