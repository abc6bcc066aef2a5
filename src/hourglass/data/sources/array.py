"""Arrays: ``.npy`` and ``.npz``, read without pickle."""

import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Kind, Raw
from hourglass.errors import HourglassError


def accepts(path: Path) -> bool:
    """Take files by their suffix."""
    return path.is_file() and path.suffix.lower() in {".npy", ".npz"}


def take(path: Path, shard: Path) -> Kind:
    """Write each array as ``NAME.npy``, the data as ``x.npy``."""
    arrays = _arrays(path)
    data = _name_of_data(path, arrays)
    _check(arrays[data], path)
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != len(arrays[data]):
            raise HourglassError(
                f"{path}: array {name!r} has {len(array) if array.ndim else 0} rows and {data!r} has "
                f"{len(arrays[data])}; expected one entry per row."
            )
        np.save(shard / ("x.npy" if name == data else f"{name}.npy"), array, allow_pickle=False)
    return kind_of(arrays[data])


def read(shard: Path, kind: Kind) -> Raw:
    """Read the data and the arrays beside it."""
    arrays = {path.stem: _load(path) for path in sorted(shard.glob("*.npy"))}
    if "x" not in arrays:
        raise HourglassError(f"{shard} holds no x.npy; run `hourglass data SOURCE` again.")
    x = arrays.pop("x")
    _check(x, shard / "x.npy")
    side = pd.DataFrame({name: array for name, array in arrays.items() if array.ndim == 1})
    return Raw(kind, x, side, {name: array for name, array in arrays.items() if array.ndim > 1})


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


def _name_of_data(path: Path, arrays: dict[str, NDArray[Any]]) -> str:
    named = [name for name in arrays if name.lower() == "x"]
    wide = [name for name, array in arrays.items() if array.ndim >= 2]
    if len(named or wide) != 1:
        raise HourglassError(
            f"{path} holds the arrays {', '.join(arrays) or 'none'}; expected one named x, or one alone with two or "
            "more dimensions."
        )
    return (named or wide)[0]
