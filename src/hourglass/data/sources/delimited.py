"""Delimited text (CSV, TSV), its cells parsed in pieces, ahead of who reads them."""

import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pandas as pd

from hourglass.data.settings import TableSettings
from hourglass.data.sources import memory
from hourglass.data.sources.compression import opened
from hourglass.data.sources.dialect import Written, cells_by_row
from hourglass.data.sources.texts import BadRowError, Texts, require_text, undecodable
from hourglass.errors import HourglassError

#: What the cells of a column are read as, in every part of a file.
Cells = Literal["integer", "number", "boolean", "text"]

#: Bytes of the first piece; how large the next ones are follows from what became of it.
_FIRST = 2**18
#: Larger pieces leave the caches of the processor; smaller ones than so many rows cost more in what follows.
_PIECE, _ROWS, _SMALLEST = 2**22, 1000, 2**14
_THREADS = 2
#: What columns look like, by the kind of their type.
_LOOKS = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


def pieces(
    path: Path, how: Written, settings: TableSettings, limit: int, cells: Mapping[str, Cells] | None = None
) -> Iterator[pd.DataFrame]:
    """Parse a file in pieces, in order; threads parse the next ones while one is used.

    Parameters
    ----------
    path : Path
    how : Written
    settings : TableSettings
    limit : int
        Bytes that a piece may take, parsed.
    cells : mapping of str to str, optional
        What the columns are read as; else what the cells of each piece look like.

    Raises
    ------
    HourglassError
        A row has too many or too few cells, a byte is none of the encoding, or the file is damaged.
    """
    parse = _Parser(how, settings, cells or {})
    memory.keep()
    row = 0
    try:
        with opened(path) as stream, ThreadPoolExecutor(_THREADS) as pool:
            texts = Texts(stream, path, settings.encoding)
            texts.skip_header()
            text = texts.next(_FIRST)
            frame = parse(text)
            size = _piece_bytes(len(text), frame, limit)
            waiting: deque[Future[pd.DataFrame]] = deque()
            while True:
                while len(waiting) < _THREADS and (text := texts.next(size)):
                    waiting.append(pool.submit(parse, text))
                yield from _unless_empty(frame)
                row += len(frame)
                if not waiting:
                    return
                frame = waiting.popleft().result()
    except BadRowError as bad:
        raise HourglassError(f"{path}, row {row + bad.row}: {bad.problem}") from bad


def _unless_empty(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if len(frame):
        yield frame


class _Parser:
    """Parses pieces of a file."""

    def __init__(self, how: Written, settings: TableSettings, cells: Mapping[str, Cells]) -> None:
        self.how, self.settings = how, settings
        self.columns = pd.Index(how.columns)
        self.texts = {place: str for place, name in enumerate(how.columns) if cells.get(name) == "text"}
        self.numbers = {name for name in how.columns if cells.get(name) == "number"}

    def __call__(self, text: bytes) -> pd.DataFrame:
        """Parse whole rows."""
        require_text(text)
        width = len(self.how.columns)
        try:
            frame = pd.read_csv(
                io.BytesIO(text),
                header=None,
                sep=self.how.delimiter,
                decimal=self.settings.decimal,
                encoding=self.settings.encoding,
                dtype=self.texts,
                low_memory=False,
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame(columns=list(self.how.columns))
        except UnicodeDecodeError as other:
            raise BadRowError(*self._undecodable(text, other)) from other
        except pd.errors.ParserError as ragged:
            raise self._ragged(text, ragged) from ragged
        if frame.shape[1] != width or (frame.iloc[:, -1].isna().any() and self._has_short_rows(text, len(frame))):
            raise self._ragged(text)
        frame.columns = self.columns
        types = zip(self.how.columns, frame.dtypes, strict=True)
        others = {name: float for name, dtype in types if name in self.numbers and dtype.kind != "f"}
        return (frame.astype(others) if others else frame).copy()  # which puts columns of one type side by side

    def _has_short_rows(self, text: bytes, rows: int) -> bool:
        """Tell whether a row has too few cells, which the parser would fill."""
        width = len(self.how.columns)
        if width == 1:
            return False
        if b'"' not in text and text.count(self.how.delimiter.encode()) == rows * (width - 1):
            return False
        return any(len(row) != width for row in cells_by_row(text.decode(self.settings.encoding), self.how.delimiter))

    def _ragged(self, text: bytes, problem: Exception | None = None) -> BadRowError:
        """Find the first row of another width."""
        width = len(self.how.columns)
        for number, row in enumerate(cells_by_row(text.decode(self.settings.encoding), self.how.delimiter)):
            if len(row) != width:
                return BadRowError(
                    number,
                    f"{len(row)} cells; expected {width}, as in the header; mend the row, quote cells that hold the "
                    "delimiter, or set data.table.delimiter.",
                )
        return BadRowError(
            0, f"this row or one after it can't be parsed ({problem}); look for a quote that isn't closed."
        )

    def _undecodable(self, text: bytes, other: UnicodeDecodeError) -> tuple[int, str]:
        try:
            text.decode(self.settings.encoding)
        except UnicodeDecodeError as here:
            return text.count(b"\n", 0, here.start), undecodable(here)
        return 0, undecodable(other)


def _piece_bytes(read: int, frame: pd.DataFrame, limit: int) -> int:
    """Say how many bytes of text to parse at once."""
    parsed = max(1, int(frame.memory_usage(deep=True, index=False).sum()))
    per_row = read / max(1, len(frame))
    return max(_SMALLEST, min(int(max(_PIECE, _ROWS * per_row)), limit * read // parsed))


def cells_in(frames: Iterator[pd.DataFrame], columns: Sequence[str]) -> tuple[dict[str, set[str]], int]:
    """Tell what the cells of each column look like in the pieces of a file, and count its rows."""
    seen: dict[str, set[str]] = {name: set() for name in columns}
    rows = 0
    for frame in frames:
        rows += len(frame)
        for name, found in seen.items():
            column = frame[name]
            found.add("missing" if column.isna().all() else _LOOKS.get(column.dtype.kind, "text"))
    return seen, rows


def cells_of(found: set[str]) -> Cells:
    """Say what a column is read as, of which these are the looks."""
    there = found - {"missing"}
    if there == {"integer"} and "missing" not in found:
        return "integer"
    if there and there <= {"integer", "number"}:
        return "number"
    return "boolean" if there == {"boolean"} and "missing" not in found else "text"
