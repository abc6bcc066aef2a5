"""A file of text in pieces of whole rows, as bytes."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from hourglass.errors import HourglassError

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
#: Bytes that the delimiter is judged by.
_SAMPLE = 2**16
#: No row is longer than this.
_LONGEST = 2**26


class BadRowError(Exception):
    """A row of a piece that can't be read."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row, self.problem = row, problem


class Texts:
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
        require_text(text)
        try:
            return text.decode(self.encoding)
        except UnicodeDecodeError as other:
            line = text.count(b"\n", 0, other.start) + 1
            raise HourglassError(f"{self.path}, line {line}: {undecodable(other)}") from other

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


def require_text(text: bytes) -> None:
    """Refuse what no text holds."""
    if b"\0" in text:
        raise BadRowError(
            text.count(b"\n", 0, text.index(b"\0")),
            "a NUL byte, which no text holds; is the file cut off or of another kind?",
        )


def _open_quotes(text: bytes) -> bool:
    """Tell whether text ends inside of quotes."""
    if b'"' not in text:
        return False
    return bool(np.count_nonzero(np.frombuffer(text, np.uint8) == ord('"')) % 2)


def undecodable(other: UnicodeDecodeError) -> str:
    """Say that a byte is none of an encoding, and what to do."""
    byte = other.object[other.start]
    return (
        f"byte 0x{byte:02x} is no {other.encoding.upper()}; save the file as UTF-8, or set data.table.encoding: cp1252 "
        "where it is Western European text of Windows."
    )
