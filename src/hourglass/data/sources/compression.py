"""Files as they are inside: what they are compressed by is told by their first bytes, whatever their names say."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from hourglass.errors import HourglassError

#: How files begin, by what they are compressed by.
_BEGINNINGS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00", "zstd": b"\x28\xb5\x2f\xfd"}
#: Suffixes that say so.
SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
_LONGEST = max(map(len, _BEGINNINGS.values()))


def compressed_by(path: Path) -> str | None:
    """Name what a file is compressed by; None: nothing."""
    with path.open("rb") as stream:
        start = stream.read(_LONGEST)
    return next((name for name, beginning in _BEGINNINGS.items() if start.startswith(beginning)), None)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading what is inside.

    Raises
    ------
    HourglassError
        It can't be read, or what it is compressed by is damaged or cut off.
    """
    try:
        how = compressed_by(path)
        with _open(path, how) as stream:
            yield stream
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as broken:
        raise _damaged(path, str(how), broken) from broken
    except OSError as broken:
        if broken.errno is None and how is not None:
            raise _damaged(path, how, broken) from broken
        raise unreadable(path, broken) from broken


def unreadable(path: Path, broken: OSError) -> HourglassError:
    """Say that a file can't be read."""
    return HourglassError(f"{path} can't be read ({broken.strerror or broken}); check the file and who may read it.")


def _damaged(path: Path, how: str, broken: Exception) -> HourglassError:
    return HourglassError(f"{path} is damaged or cut off ({how}: {broken}); fetch or make it again.")


def _open(path: Path, how: str | None) -> BinaryIO:
    match how:
        case "gzip":
            return cast(BinaryIO, gzip.open(path))
        case "bzip2":
            return cast(BinaryIO, bz2.open(path))
        case "xz":
            return cast(BinaryIO, lzma.open(path))
        case "zstd":
            import pyarrow as pa

            return cast(BinaryIO, io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")))
    return path.open("rb")
