"""Arrays: ``.npy``, ``.npz`` and ``.safetensors``, read without pickle, and never as a whole."""

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Kind, Raw, derived
from hourglass.errors import HourglassError
from hourglass.params import DataParams

_SUFFIXES = {".npy", ".npz", ".safetensors"}
#: Bytes that are copied at once.
_CHUNK = 2**24


def accepts(path: Path, data: DataParams) -> bool:
    """Take files by their suffix."""
    return path.is_file() and path.suffix.lower() in _SUFFIXES


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Write each array as ``NAME.npy``, the data as ``x.npy``."""
    {".npy": _copy, ".npz": _unpack, ".safetensors": _convert}[path.suffix.lower()](path, shard)
    arrays = {file.stem: _mapped(file, path) for file in sorted(shard.glob("*.npy"))}
    main = _name_of_data(path, arrays)
    _check(arrays[main], path)
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != len(arrays[main]):
            raise HourglassError(
                f"{path}: array {name!r} has {len(array) if array.ndim else 0} rows and {main!r} has "
                f"{len(arrays[main])}; expected one entry per row."
            )
    (shard / f"{main}.npy").rename(shard / "x.npy")
    return kind_of(arrays[main])


def link(path: Path, shard: Path, data: DataParams) -> Kind | None:
    """Have `blocks` read an ``.npy`` file where it lies; an ``.npz`` file must be unpacked."""
    if path.suffix.lower() != ".npy":
        return None
    x = _mapped(path, path)
    _check(x, path)
    (shard / "x.npy").symlink_to(path.absolute())
    return kind_of(x)


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read the data and the arrays beside it from memory maps."""
    arrays = {path.stem: _mapped(path, path) for path in sorted(shard.glob("*.npy"))}
    if "x" not in arrays:
        raise HourglassError(f"{shard} holds no x.npy; run `hourglass data SOURCE` again.")
    x = arrays.pop("x")
    _check(x, shard / "x.npy")
    row = sum(array[:1].nbytes for array in (x, *arrays.values()))
    step = max(1, derived.room(limit, data) // row)
    for start in range(0, len(x), step):
        part = {name: np.array(array[start : start + step]) for name, array in arrays.items()}
        side = pd.DataFrame({name: array for name, array in part.items() if array.ndim == 1})
        beside = {name: array for name, array in part.items() if array.ndim > 1}
        yield derived.beside(Raw(kind, np.array(x[start : start + step]), side, beside), data)


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


def _copy(path: Path, shard: Path) -> None:
    shutil.copyfile(path, shard / "x.npy")


def _unpack(path: Path, shard: Path) -> None:
    """Write the members of a ``.npz`` as files, a piece at a time."""
    try:
        with zipfile.ZipFile(path) as bundle:
            for member in bundle.infolist():
                target = shard / f"{_checked(member.filename.removesuffix('.npy'), path)}.npy"
                with bundle.open(member) as source, target.open("xb") as written:
                    shutil.copyfileobj(source, written, _CHUNK)
    except FileExistsError as doubled:
        raise HourglassError(f"{path} holds {target.stem!r} twice; keep one.") from doubled
    except (ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        raise HourglassError(f"{path} can't be read as .npz without pickle: {broken}.") from broken


def _convert(path: Path, shard: Path) -> None:
    """Write the tensors of a ``.safetensors`` file as ``.npy`` files, some rows at a time."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                _write(tensors.get_slice(name), shard / f"{_checked(name, path)}.npy")
    except (SafetensorError, TypeError, AttributeError) as broken:
        raise HourglassError(f"{path} can't be read as .safetensors: {broken}.") from broken


def _write(tensor: Any, target: Path) -> None:
    shape = tuple(tensor.get_shape())
    if not shape:
        np.save(target, tensor[...], allow_pickle=False)
        return
    first = tensor[:1]
    written = np.lib.format.open_memmap(target, "w+", first.dtype, shape)
    step = max(1, _CHUNK // max(1, first.nbytes))
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        written[start:stop] = tensor[start:stop]
    written.flush()


def _checked(name: str, path: Path) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise HourglassError(f"{path}: {name!r} is no name for an array; use letters, digits, '_', '-' and '.'.")
    return name


def _mapped(path: Path, named: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, "r")
    except (ValueError, OSError, EOFError) as broken:
        raise HourglassError(f"{named} can't be read as {named.suffix} without pickle: {broken}.") from broken
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
