"""What a model made of rows, written in the form that a file's name asks for."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, Self
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.columns import Appended
from hourglass.errors import HourglassError
from hourglass.files import delete, left_behind, whole
from hourglass.runtime.images import AS_IS, Form, encode_png
from hourglass.use.pictures import in_own_size

if TYPE_CHECKING:
    from types import TracebackType

TABLES, ARRAYS, FOLDER = (".csv", ".parquet"), (".npy", ".npz"), ""
#: Cells of a row group of Parquet, about.
_NUMBERS_IN_GROUP = 2**21
_WORDS = {FOLDER: "a folder for PNG files (a name without a suffix)"}


@dataclass(frozen=True)
class Result:
    """Rows or codes, and what stood beside the rows that they come from.

    Parameters
    ----------
    beside : DataFrame
        A row of columns for each result; of a table model, the rows themselves.
    arrays : dict of str to ndarray
        The first is the main one; each has one entry per row of `beside`.
    missing : ndarray of bool
        Rows that couldn't be judged.
    pixels : dtype
        Of images, what a PNG file holds.
    form : Form
        What the images were brought to; PNG files get the ``height`` and ``width`` that stand beside.
    """

    beside: pd.DataFrame
    arrays: dict[str, NDArray[np.generic]]
    missing: NDArray[np.bool_]
    pixels: "np.dtype[np.unsignedinteger[Any]]"
    form: Form = AS_IS

    def write(self, out: Path) -> None:
        """Write a whole file or folder, in the form that its suffix names; see `Output`."""
        with Output(out) as output:
            output.add(self)

    def table(self) -> pd.DataFrame:
        """Put the numbers of each array beside, numbered from 1.

        Raises
        ------
        HourglassError
            A column beside has the name of a code.
        """
        parts = [
            pd.DataFrame(array, columns=[f"{name}_{number + 1}" for number in range(array.shape[1])])
            for name, array in self.arrays.items()
        ]
        columns = [str(name) for part in parts for name in part]
        taken = self.beside.columns.intersection(columns)
        if len(taken):
            raise HourglassError(f"column {taken[0]!r} of the rows has the name of a code; give it another.")
        return pd.concat([self.beside.reset_index(drop=True), *parts], axis=1)


@contextmanager
def made(out: Path) -> Iterator[Path]:
    """Name a place for a new file or folder, as `files.whole` does; what a killed command left of it is deleted."""
    out.parent.mkdir(parents=True, exist_ok=True)
    delete(*left_behind(out.parent, out.name))
    with whole(out) as path:
        yield path


@contextmanager
def told(out: Path) -> Iterator[None]:
    """Say of what can't be written that it can't."""
    try:
        yield
    except OSError as problem:
        raise HourglassError(f"{out} can't be written ({problem.strerror}); name another output.") from problem


class Output:
    """A new file or folder, in the form that its suffix names, that results are added to; whole or absent.

    Parameters
    ----------
    out : Path
    like : Path, optional
        A file of the same form whose columns' types the new one gets.

    Raises
    ------
    HourglassError
        It can't be written, or a later result doesn't fit the first.
    """

    def __init__(self, out: Path, like: Path | None = None) -> None:
        self._out, self._like = out, like
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with told(self._out):
            path = self._opened.enter_context(made(self._out))
            writer = _WRITERS[self._out.suffix.lower()](path, self._like)
            self._writer = self._opened.enter_context(closing(writer))
        return self

    def add(self, result: Result) -> None:
        """Write a result behind those before."""
        with told(self._out):
            self._writer.add(result)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        with told(self._out):
            self._opened.__exit__(kind, error, trace)


class _Writer(Protocol):
    """Writes results one after the other, and finishes what it wrote when it is closed."""

    def __init__(self, path: Path, like: Path | None) -> None: ...
    def add(self, result: Result) -> None:
        """Write a result behind those before."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class _Csv:
    def __init__(self, path: Path, like: Path | None) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._begun = False

    def add(self, result: Result) -> None:
        result.table().to_csv(self._stream, header=not self._begun, index=False, lineterminator="\n")
        self._begun = True

    def close(self) -> None:
        self._stream.close()


class _Parquet:
    """Cuts row groups by the number of the row, so that the bytes don't depend on how many rows come at a time."""

    def __init__(self, path: Path, like: Path | None) -> None:
        self._path, self._like = path, like
        self._writer: Any = None
        self._waiting: Any = None

    def add(self, result: Result) -> None:
        import pyarrow as pa

        table = pa.Table.from_pandas(result.table(), preserve_index=False)
        if self._writer is None:
            self._open(table.schema)
        for there, here in zip(self._writer.schema, table.schema, strict=True):
            if here.type != there.type and not _fits(table[here.name], there.type):
                raise HourglassError(
                    f"column {here.name!r} is {there.type} in the first rows and {here.type} in later ones, which "
                    "Parquet can't hold; write a .csv."
                )
        self._waiting = pa.concat_tables([self._waiting, table.cast(self._writer.schema)])
        self._write(len(self._waiting) // self._group * self._group)

    def close(self) -> None:
        if self._writer is not None:
            self._write(len(self._waiting))
            self._writer.close()

    def _open(self, schema: Any) -> None:
        from pyarrow import parquet

        kept = schema if self._like is None else parquet.read_schema(self._like)
        self._group = max(1, _NUMBERS_IN_GROUP // max(1, len(kept)))
        self._writer = parquet.ParquetWriter(self._path, kept)
        self._waiting = kept.empty_table()

    def _write(self, rows: int) -> None:
        """Write so many of the rows that wait."""
        if rows:
            self._writer.write_table(self._waiting.slice(0, rows).combine_chunks(), row_group_size=self._group)
            self._waiting = self._waiting.slice(rows)


def _fits(column: Any, kind: Any) -> bool:
    import pyarrow as pa

    try:
        column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


class _Npy:
    def __init__(self, path: Path, like: Path | None) -> None:
        self._file = Appended(path)

    def add(self, result: Result) -> None:
        self._file.append(next(iter(result.arrays.values())))

    def close(self) -> None:
        self._file.close()


class _Npz:
    """Gathers each array in a file of its own, for no entry of a ZIP file waits for another.

    What stands beside the rows stays in memory.
    """

    def __init__(self, path: Path, like: Path | None) -> None:
        self._path = path
        self._folder = TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent)
        self._files: dict[str, Appended] = {}
        self._beside = [pd.DataFrame()]

    def add(self, result: Result) -> None:
        for number, (name, array) in enumerate(result.arrays.items()):
            if name not in self._files:
                self._files[name] = Appended(Path(self._folder.name, f"{number}.npy"))
            self._files[name].append(array)
        self._beside.append(result.beside)

    def close(self) -> None:
        with self._folder, ZipFile(self._path, "w", ZIP_DEFLATED) as bundle:  # numpy's savez takes no array `file`
            for number, (name, file) in enumerate(self._files.items()):
                file.close()
                bundle.write(Path(self._folder.name, f"{number}.npy"), f"{name}.npy")
            beside = pd.concat(self._beside, ignore_index=True)
            for column in beside.columns.difference(list(self._files), sort=False):
                with bundle.open(f"{column}.npy", "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, _plain(beside[column]), allow_pickle=False)


class _Images:
    """PNG files under the names of those that the rows came from, else under the rows' numbers."""

    def __init__(self, path: Path, like: Path | None) -> None:
        path.mkdir()
        self._folder = path
        self._rows = 0
        #: What each file was made from.
        self._origin: dict[str, str] = {}

    def add(self, result: Result) -> None:
        limits = np.iinfo(result.pixels)
        images = next(iter(result.arrays.values()))
        for row, given in enumerate(self._given(result)):
            if result.missing[row]:
                continue
            pixels = images[row].clip(limits.min, limits.max).round().astype(result.pixels)
            path = self._free(given)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(in_own_size(pixels, result.form, result.beside, row)))
        self._rows += len(images)

    def close(self) -> None:
        """Nothing is left open."""

    def _given(self, result: Result) -> list[str]:
        names = [str(name) for name in result.beside.get("file", ())]
        if not names or any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            return [f"{self._rows + row:06d}.png" for row in range(len(result.missing))]
        return names

    def _free(self, given: str) -> Path:
        """Name the file; where two names differ in their suffix alone, both keep theirs."""
        name = str(Path(given).with_suffix(".png"))
        if name not in self._origin:
            self._origin[name] = given
            return self._folder / name
        there = self._folder / name
        if there.exists():
            there.rename(self._folder / f"{self._origin[name]}.png")
        return self._folder / f"{given}.png"


_WRITERS: dict[str, type[_Writer]] = {".csv": _Csv, ".parquet": _Parquet, ".npy": _Npy, ".npz": _Npz, FOLDER: _Images}


def require_new(out: Path, *forms: str) -> None:
    """Refuse a name that is taken, or whose suffix doesn't fit what comes out.

    Raises
    ------
    HourglassError
        The message says what to choose instead.
    """
    if out.suffix.lower() not in forms:
        expected = ", ".join(_WORDS.get(form, form) for form in forms)
        raise HourglassError(f"{out} can't hold what comes out; expected {expected}.")
    if out.exists():
        raise HourglassError(f"{out} exists; remove it or name another output.")


def _plain(column: "pd.Series[Any]") -> NDArray[np.generic]:
    """Give a column as an array that needs no pickle."""
    is_number = pd.api.types.is_numeric_dtype(column.dtype) and column.hasnans
    values = column.to_numpy(np.float64, na_value=np.nan) if is_number else column.to_numpy()
    return values if values.dtype.kind in "biuf" else values.astype(str)
