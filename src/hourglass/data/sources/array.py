"""Arrays: ``.npy`` and ``.npz``, read without pickle."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Kind, Raw
from hourglass.errors import HourglassError
from hourglass.params import DataParams


def accepts(path: Path, data: DataParams) -> bool:
    """Take files by their suffix."""
    return path.is_file() and path.suffix.lower() in {".npy", ".npz"}


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Write each array as ``NAME.npy``, the data as ``x.npy``."""
    arrays = _arrays(path)
    main = _name_of_data(path, arrays)
    _check(arrays[main], path)
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != len(arrays[main]):
            raise HourglassError(
                f"{path}: array {name!r} has {len(array) if array.ndim else 0} rows and {main!r} has "
                f"{len(arrays[main])}; expected one entry per row."
            )
        np.save(shard / ("x.npy" if name == main else f"{name}.npy"), array, allow_pickle=False)
    return kind_of(arrays[main])


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read the data and the arrays beside it."""
    arrays = {path.stem: _mapped(path) for path in sorted(shard.glob("*.npy"))}
    if "x" not in arrays:
        raise HourglassError(f"{shard} holds no x.npy; run `hourglass data SOURCE` again.")
    x = arrays.pop("x")
    _check(x, shard / "x.npy")
    row = sum(array[:1].nbytes for array in (x, *arrays.values()))
    step = max(1, limit // row)
    for start in range(0, len(x), step):
        part = {name: np.array(array[start : start + step]) for name, array in arrays.items()}
        side = pd.DataFrame({name: array for name, array in part.items() if array.ndim == 1})
        beside = {name: array for name, array in part.items() if array.ndim > 1}
        yield Raw(kind, np.array(x[start : start + step]), side, beside)


def kind_of(x: NDArray[Any]) -> Literal["image", "array"]:
    """Tell images, (rows, height, width) or (rows, height, width, 1 to 4) of uint8, from other arrays."""
    flat = x.ndim == 3 or (x.ndim == 4 and x.shape[-1] <= 4)
    return "image" if x.dtype == np.uint8 and flat else "array"


def _check(x: NDArray[Any], path: Path) -> None:
    if x.dtype.kind not in "buif":
        raise HourglassError(f"{path} is of type {x.dtype}; expected numbers.")
    if x.ndim < 2 or not x[:1].size:
        raise HourglassError(
            f"{path} has shape {x.shape}; expected (rows, ...) with at least one row and at least one feature."
        )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if path.suffix.lower() == ".npy":
        return {"x": _load(path)}
    try:
        with path.open("rb") as stream, np.lib.npyio.NpzFile(stream, allow_pickle=False) as bundle:
            arrays = {name: bundle[name] for name in bundle.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as broken:
        raise HourglassError(f"{path} can't be read as .npz without pickle: {broken}.") from broken
    for name in arrays:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise HourglassError(f"{path}: {name!r} is no name for an array; use letters, digits, '_', '-' and '.'.")
    return arrays


def _load(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, OSError) as broken:
        raise HourglassError(f"{path} can't be read as .npy without pickle: {broken}.") from broken
    return array


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as broken:
        raise HourglassError(f"{path} can't be read as .npy without pickle: {broken}.") from broken
    return array


def _name_of_data(path: Path, arrays: dict[str, NDArray[Any]]) -> str:
    named = [name for name in arrays if name.lower() == "x"]
    wide = [name for name, array in arrays.items() if array.ndim >= 2]
    if len(named or wide) != 1:
        raise HourglassError(
            f"{path} holds the arrays {', '.join(arrays) or 'none'}; expected one named x, or one alone with two or "
            "more dimensions."
        )
    return (named or wide)[0]
