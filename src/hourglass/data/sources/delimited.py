"""Delimited text (CSV, TSV): its delimiter found out, its cells parsed in pieces, ahead of who reads them."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pandas as pd

from hourglass.data.settings import TableSettings
from hourglass.data.sources import memory
from hourglass.data.sources.compression import opened
from hourglass.errors import HourglassError

#: What the cells of a column are read as, in every part of a file.
Cells = Literal["integer", "number", "boolean", "text"]

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: What may be a delimiter that isn't looked for; such a file is refused rather than read as one column.
_UNUSUAL = re.compile(r"[^\w\s.,;|\"'+-]|\s{2,}")
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
#: Bytes that the delimiter is judged by, and rows of them.
_SAMPLE, _SAMPLE_ROWS = 2**16, 200
#: Bytes of the first piece; how large the next ones are follows from what became of it.
_FIRST = 2**18
#: Larger pieces leave the caches of the processor; smaller ones than so many rows cost more in what follows.
_PIECE, _ROWS, _SMALLEST = 2**22, 1000, 2**14
_THREADS = 2
#: No row is longer than this.
_LONGEST = 2**26
#: What columns look like, by the kind of their type.
_LOOKS = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


@dataclass(frozen=True)
class Written:
    """How a delimited file is written.

    Parameters
    ----------
    columns : tuple of str
    delimiter : str
    """

    columns: tuple[str, ...]
    delimiter: str


def written(path: Path, settings: TableSettings) -> Written:
    """Find out how a file is written.

    Raises
    ------
    HourglassError
        It is empty or no text, or its delimiter or the names of its columns can't be told.
    """
    with opened(path) as stream:
        try:
            text = _Texts(stream, path, settings.encoding).sample()
        except _BadRowError as bad:
            raise HourglassError(f"{path}, line {bad.row + 1}: {bad.problem}") from bad
    if not text.strip():
        raise HourglassError(f"{path} is empty; expected a header and at least one row of data.")
    delimiter = _delimiter(text, path) if settings.delimiter == "auto" else settings.delimiter
    header = _parsed(text, delimiter)[0]
    _require_names(header, path)
    return Written(tuple(header), delimiter)


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
            texts = _Texts(stream, path, settings.encoding)
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
    except _BadRowError as bad:
        raise HourglassError(f"{path}, row {row + bad.row}: {bad.problem}") from bad


def _unless_empty(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if len(frame):
        yield frame


class _BadRowError(Exception):
    """A row of a piece that can't be read."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row, self.problem = row, problem


class _Texts:
    """A file in pieces of whole rows, as bytes."""

    def __init__(self, stream: BinaryIO, path: Path, encoding: str) -> None:
        self.stream, self.path, self.encoding = stream, path, encoding
        self.rest = self._line()
        if self.rest.startswith(_UTF16):
            raise HourglassError(f"{path} is written in UTF-16; expected UTF-8; save it as that.")
        self.rest = self.rest.removeprefix(_BOM)

    def sample(self) -> str:
        """Decode the first rows."""
        text = self.next(_SAMPLE)
        _require_text(text)
        try:
            return text.decode(self.encoding)
        except UnicodeDecodeError as other:
            line = text.count(b"\n", 0, other.start) + 1
            raise HourglassError(f"{self.path}, line {line}: {_encoding(other)}") from other

    def skip_header(self) -> None:
        """Leave the first row out, and empty ones before it."""
        row, self.rest = self.rest, b""
        while row and (not row.strip() or _open_quotes(row)):
            row = self._line() if not row.strip() else row + self._line()

    def next(self, size: int) -> bytes:
        """Read so many bytes and on to the end of a row; nothing at the end of the file."""
        text = b"".join([self.rest, self.stream.read(size), self._line()])
        self.rest = b""
        while _open_quotes(text) and (line := self._line()):
            text += line
        return text

    def _line(self) -> bytes:
        line = self.stream.readline(_LONGEST)
        if len(line) == _LONGEST:
            raise HourglassError(f"{self.path} has a row of more than {_LONGEST >> 20} MiB; is it text?")
        return line


def _require_text(text: bytes) -> None:
    if b"\0" in text:
        raise _BadRowError(
            text.count(b"\n", 0, text.index(b"\0")),
            "a NUL byte, which no text holds; is the file cut off or of another kind?",
        )


def _open_quotes(text: bytes) -> bool:
    """Tell whether text ends inside of quotes."""
    if b'"' not in text:
        return False
    return bool(np.count_nonzero(np.frombuffer(text, np.uint8) == ord('"')) % 2)


class _Parser:
    """Parses pieces of a file."""

    def __init__(self, how: Written, settings: TableSettings, cells: Mapping[str, Cells]) -> None:
        self.how, self.settings = how, settings
        self.columns = pd.Index(how.columns)
        self.texts = {place: str for place, name in enumerate(how.columns) if cells.get(name) == "text"}
        self.numbers = {name for name in how.columns if cells.get(name) == "number"}

    def __call__(self, text: bytes) -> pd.DataFrame:
        """Parse whole rows."""
        _require_text(text)
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
            raise _BadRowError(*self._undecodable(text, other)) from other
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
        return any(len(row) != width for row in _parsed(text.decode(self.settings.encoding), self.how.delimiter))

    def _ragged(self, text: bytes, problem: Exception | None = None) -> _BadRowError:
        """Find the first row of another width."""
        width = len(self.how.columns)
        for number, row in enumerate(_parsed(text.decode(self.settings.encoding), self.how.delimiter)):
            if len(row) != width:
                return _BadRowError(
                    number,
                    f"{len(row)} cells; expected {width}, as in the header; mend the row, quote cells that hold the "
                    "delimiter, or set data.table.delimiter.",
                )
        return _BadRowError(
            0, f"this row or one after it can't be parsed ({problem}); look for a quote that isn't closed."
        )

    def _undecodable(self, text: bytes, other: UnicodeDecodeError) -> tuple[int, str]:
        try:
            text.decode(self.settings.encoding)
        except UnicodeDecodeError as here:
            return text.count(b"\n", 0, here.start), _encoding(here)
        return 0, _encoding(other)


def _encoding(other: UnicodeDecodeError) -> str:
    byte = other.object[other.start]
    return (
        f"byte 0x{byte:02x} is no {other.encoding.upper()}; save the file as UTF-8, or set data.table.encoding: cp1252 "
        "where it is Western European text of Windows."
    )


def _piece_bytes(read: int, frame: pd.DataFrame, limit: int) -> int:
    """Say how many bytes of text to parse at once."""
    parsed = max(1, int(frame.memory_usage(deep=True, index=False).sum()))
    per_row = read / max(1, len(frame))
    return max(_SMALLEST, min(int(max(_PIECE, _ROWS * per_row)), limit * read // parsed))


def _parsed(text: str, delimiter: str) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def _delimiter(text: str, path: Path) -> str:
    """Take the delimiter that cuts all of the first rows into the same number of cells."""
    widths = {one: Counter(map(len, _parsed(text, one)[:_SAMPLE_ROWS])) for one in _DELIMITERS}
    header = {one: len(_parsed(text, one)[0]) for one in _DELIMITERS}
    fitting = [one for one, found in widths.items() if len(found) == 1 and header[one] > 1]
    if fitting:
        usual = "\t" if ".tsv" in path.suffixes or ".tab" in path.suffixes else ","
        return usual if usual in fitting else max(fitting, key=header.__getitem__)
    if max(header.values()) > 1:  # some rows are ragged, and will be named
        return max(_DELIMITERS, key=header.__getitem__)
    _require_one_column(text, path)
    return ","


def _require_one_column(text: str, path: Path) -> None:
    """Refuse what looks like several columns with an unusual delimiter."""
    rows = text.splitlines()[:_SAMPLE_ROWS]
    signs = [Counter(_UNUSUAL.findall(row)) for row in rows if row.strip()]
    for sign, count in signs[0].items():
        if len(signs) > 1 and all(row[sign] == count for row in signs):
            raise HourglassError(
                f"{path}: every row holds {count} of {sign!r} and no comma, semicolon, tab or bar; is that the "
                "delimiter? Set data.table.delimiter."
            )
    if any(len(row) > 1 for row in (_parsed(text, one)[0] for one in _DELIMITERS)):
        raise HourglassError(f"{path}: the delimiter can't be told; set data.table.delimiter.")


def _require_names(header: Sequence[str], path: Path) -> None:
    for place, name in enumerate(header):
        if not name.strip():
            raise HourglassError(
                f"{path}: column {place + 1} has no name; give every column one (pandas writes its index so, and "
                "leaves it out with index=False)."
            )
    if all(_is_fraction(name) for name in header):
        raise HourglassError(f"{path}: the first row holds numbers ({header[0]}); expected the names of the columns.")
    doubled = [name for name, count in Counter(header).items() if count > 1]
    if doubled:
        raise HourglassError(f"{path}: column {doubled[0]!r} appears twice; give every column a name of its own.")


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except ValueError:
        return False


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
