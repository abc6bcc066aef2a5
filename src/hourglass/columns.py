"""One entry per row, in ``.npy`` files that are read and written a stretch at a time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.errors import HourglassError


class Column:
    """Arrays in files, one after the other, as one of which only what is asked for comes into memory.

    The files are read, not mapped: the pages of a map count as the process's memory until the system wants them back.

    Parameters
    ----------
    paths : sequence of Path
        At least one.

    Attributes
    ----------
    shape : tuple of int
        Of a row.
    dtype : dtype

    Raises
    ------
    HourglassError
        A file is missing or no such array, or has rows of another type or shape than the first.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files: list[_File] = []
        for path in paths:
            self._files.append(_File.opened(path, first=len(self)))
        self.shape, self.dtype = self._files[0].shape, self._files[0].dtype
        for file in self._files:
            if (file.shape, file.dtype) != (self.shape, self.dtype):
                raise HourglassError(
                    f"{file.path} has rows of {file.dtype} {file.shape}, expected {self.dtype} {self.shape} as in "
                    f"{self._files[0].path}; run `hourglass ingest` again."
                )

    def __len__(self) -> int:
        return self._files[-1].stop if self._files else 0

    @property
    def row_bytes(self) -> int:
        """Bytes that a row takes."""
        return prod(self.shape) * self.dtype.itemsize

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read the rows from `start` up to `stop`: shape (rows, *shape).

        Raises
        ------
        HourglassError
            A file is no longer what it was.
        """
        found = np.empty((stop - start, *self.shape), self.dtype)
        for file in self._files:
            low, high = max(start, file.first), min(stop, file.stop)
            if low < high and found.size:
                file.read_into(found[low - start : high - start], low - file.first)
        return found

    def take(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read rows by their numbers: shape (rows, *shape). Consecutive ones are read together."""
        found = np.empty((len(rows), *self.shape), self.dtype)
        ends = np.flatnonzero(np.diff(rows) != 1) + 1
        for start, stop in pairwise([0, *ends.tolist(), len(rows)]):
            if start < stop:
                found[start:stop] = self.read(int(rows[start]), int(rows[start]) + stop - start)
        return found


class Appended:
    """An ``.npy`` file that rows are appended to; `close` says in its header how many came.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._header: dict[str, Any] | None = None
        self._rows = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Write rows behind those that are there; all have one type and shape."""
        if self._header is None:
            self._header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(rows[:0]))
            np.lib.format.write_array_header_1_0(self._stream, self._header)
        self._stream.write(np.ascontiguousarray(rows).data.cast("B") if rows.nbytes else b"")
        self._rows += len(rows)

    def close(self) -> None:
        """Finish the file: numpy leaves room in a header for any number of rows."""
        if self._header is not None:
            self._stream.seek(0)
            shape = (self._rows, *self._header["shape"][1:])
            np.lib.format.write_array_header_1_0(self._stream, self._header | {"shape": shape})
        self._stream.close()


@dataclass(frozen=True)
class _File:
    """An array in a file; rows from `first` up to `stop` of the column."""

    path: Path
    first: int
    rows: int
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    offset: int
    identity: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.first + self.rows

    @classmethod
    def opened(cls, path: Path, first: int) -> Self:
        """Read the header of a file."""
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            rows, *shape = array.shape
            with path.open("rb") as stream:
                identity = _identity(stream.fileno())
        except (OSError, ValueError) as broken:
            raise HourglassError(f"{path} can't be read as .npy ({broken}); run `hourglass ingest` again.") from broken
        if not array.flags.c_contiguous:
            raise HourglassError(f"{path} is stored by columns; expected row by row. Run `hourglass ingest` again.")
        return cls(path, first, rows, tuple(shape), array.dtype, array.offset, identity)

    def read_into(self, rows: NDArray[Any], start: int) -> None:
        """Fill an array with the rows from `start` on."""
        try:
            with self.path.open("rb", buffering=0) as stream:
                if _identity(stream.fileno()) != self.identity:
                    raise HourglassError(f"{self.path} changed while it was being read; run this again.")
                stream.seek(self.offset + start * (rows.nbytes // len(rows)))
                _fill(stream, rows)
        except OSError as gone:
            raise HourglassError(f"{self.path} can't be read ({gone.strerror}); run this again.") from gone


def _fill(stream: FileIO, rows: NDArray[Any]) -> None:
    left = rows.data.cast("B")
    while left:
        count = stream.readinto(left)
        if not count:
            raise HourglassError(f"{stream.name} is cut short; run `hourglass ingest` again.")
        left = left[count:]


def _identity(descriptor: int) -> tuple[int, ...]:
    """Tell a file from another under its name, and from itself with other content."""
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
