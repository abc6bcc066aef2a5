"""What a model made of rows, written in the form that a file's name asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.errors import HourglassError
from hourglass.files import whole

TABLES, ARRAYS, FOLDER = (".csv", ".parquet"), (".npy", ".npz"), ""
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
    """

    beside: pd.DataFrame
    arrays: dict[str, NDArray[np.generic]]
    missing: NDArray[np.bool_]
    pixels: "np.dtype[np.unsignedinteger[Any]]"

    def write(self, out: Path) -> None:
        """Write a whole file or folder, in the form that its suffix names.

        Raises
        ------
        HourglassError
            A column beside has the name of a code, or the output can't be written.
        """
        writers: dict[str, Callable[[Path], None]] = {
            ".csv": lambda path: self._table().to_csv(path, index=False, lineterminator="\n"),
            ".parquet": lambda path: self._table().to_parquet(path, index=False),
            ".npy": self._npy,
            ".npz": self._npz,
            FOLDER: self._images,
        }
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with whole(out) as path:
                writers[out.suffix.lower()](path)
        except OSError as problem:
            raise HourglassError(f"{out} can't be written ({problem.strerror}); name another output.") from problem

    def _table(self) -> pd.DataFrame:
        """Put the numbers of each array beside, numbered from 1."""
        parts = [
            pd.DataFrame(array, columns=[f"{name}_{number + 1}" for number in range(array.shape[1])])
            for name, array in self.arrays.items()
        ]
        columns = [str(name) for part in parts for name in part]
        taken = self.beside.columns.intersection(columns)
        if len(taken):
            raise HourglassError(f"column {taken[0]!r} of the rows has the name of a code; give it another.")
        return pd.concat([self.beside.reset_index(drop=True), *parts], axis=1)

    def _npy(self, path: Path) -> None:
        with path.open("wb") as stream:
            np.save(stream, next(iter(self.arrays.values())), allow_pickle=False)

    def _npz(self, path: Path) -> None:
        beside = {str(name): _plain(self.beside[name]) for name in self.beside if name not in self.arrays}
        with ZipFile(path, "w", ZIP_DEFLATED) as bundle:  # numpy's savez takes no array that is named `file`
            for name, array in (self.arrays | beside).items():
                with bundle.open(f"{name}.npy", "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, array, allow_pickle=False)

    def _images(self, folder: Path) -> None:
        from PIL import Image

        folder.mkdir()
        limits = np.iinfo(self.pixels)
        images = next(iter(self.arrays.values()))
        for row, name in enumerate(self._names()):
            if self.missing[row]:
                continue
            pixels = images[row].clip(limits.min, limits.max).round().astype(self.pixels)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(path, format="PNG")

    def _names(self) -> list[str]:
        """Name the files as those that the rows came from, else by number."""
        given = [Path(str(name)) for name in self.beside.get("file", ())]
        if not given or any(name.is_absolute() or ".." in name.parts for name in given):
            return [f"{row:06d}.png" for row in range(len(self.missing))]
        names = [str(name.with_suffix(".png")) for name in given]
        return names if len(set(names)) == len(names) else [f"{name}.png" for name in given]


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
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else values.astype(str)
