"""Arrays: ``.npy``, ``.npz`` and ``.safetensors``, read without pickle, and never as a whole."""

import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.columns import Appended, Column
from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw, derived
from hourglass.data.sources.packed import form_of
from hourglass.errors import HourglassError
from hourglass.runtime.array import is_pictures, kind_of
from hourglass.runtime.errors import InputError
from hourglass.runtime.images import AS_IS

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
    """Have `blocks` read an ``.npy`` file where it lies; others, and one that is stored by columns, must be taken."""
    if path.suffix.lower() != ".npy":
        return None
    x = _mapped(path, path)
    if not x.flags.c_contiguous:
        return None
    _check(x, path)
    (shard / "x.npy").symlink_to(path.absolute())
    return kind_of(x)


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read the data and the arrays beside it, some rows at a time."""
    arrays = {path.stem: _mapped(path, path) for path in sorted(shard.glob("*.npy"))}
    if "x" not in arrays:
        raise HourglassError(f"{shard} holds no x.npy; run `hourglass data SOURCE` again.")
    x = arrays.pop("x")
    _check(x, shard / "x.npy")
    row = sum(array[:1].nbytes for array in (x, *arrays.values()))
    if kind == "image" and data.image.size:
        row += prod(data.image.size) * 4 * x.itemsize  # with as many channels as a form can have
    step = max(1, derived.room(limit, data) // row)
    columns = {name: _column(shard / f"{name}.npy", array) for name, array in ({"x": x} | arrays).items()}
    for start in range(0, len(x), step):
        part = {name: read(start, min(start + step, len(x))) for name, read in columns.items()}
        rows = part.pop("x")
        side = pd.DataFrame({name: array for name, array in part.items() if array.ndim == 1})
        beside = {name: array for name, array in part.items() if array.ndim > 1}
        if kind == "image" and form_of(data.image) != AS_IS:
            if data.image.size:
                side = side.assign(height=np.full(len(rows), rows.shape[1]), width=np.full(len(rows), rows.shape[2]))
            rows = _formed(rows, start, data)
            beside = {
                name: _formed(array, start, data) if is_pictures(array) else array for name, array in beside.items()
            }
        yield derived.beside(Raw(kind, rows, side, beside), data)


def _formed(pictures: NDArray[Any], first_row: int, data: DataParams) -> NDArray[Any]:
    """Bring pictures into the form that the settings ask for."""
    form = form_of(data.image)
    try:
        return np.stack([form.apply(one, f"the picture in row {first_row + row}") for row, one in enumerate(pictures)])
    except InputError as unfit:
        raise HourglassError(str(unfit)) from unfit


def _check(x: NDArray[Any], path: Path) -> None:
    if x.dtype.kind not in "buif":
        raise HourglassError(f"{path} is of type {x.dtype}; expected numbers.")
    if x.ndim < 2 or not x[:1].size:
        raise HourglassError(
            f"{path} has shape {x.shape}; expected (rows, ...) with at least one row and at least one feature."
        )


def _column(path: Path, array: NDArray[Any]) -> Callable[[int, int], NDArray[Any]]:
    """Give what reads rows: from the file where numbers lie row by row, for the pages of a map count as memory."""
    if array.dtype.kind in "buif" and array.flags.c_contiguous:
        return Column([path]).read
    return lambda start, stop: np.array(array[start:stop])


def _copy(path: Path, shard: Path) -> None:
    """Copy a file; one that is stored by columns is written row by row."""
    array = _mapped(path, path)
    if array.flags.c_contiguous:
        shutil.copyfile(path, shard / "x.npy")
    else:
        _write(lambda start, stop: array[start:stop], array.shape, shard / "x.npy")


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
                tensor, target = tensors.get_slice(name), shard / f"{_checked(name, path)}.npy"
                _write(partial(_part, tensor), tuple(tensor.get_shape()), target)
    except (SafetensorError, TypeError, AttributeError, ValueError) as broken:
        raise HourglassError(f"{path} can't be read as .safetensors: {broken}.") from broken


def _part(tensor: Any, start: int, stop: int) -> NDArray[Any]:
    return np.asarray(tensor[start:stop])


def _write(read: Callable[[int, int], NDArray[Any]], shape: tuple[int, ...], target: Path) -> None:
    """Write an array of which `read` gives rows."""
    if not shape or not prod(shape):
        np.save(target, np.empty(shape), allow_pickle=False)  # the check of its shape says what is wrong
        return
    written = Appended(target)
    step = max(1, _CHUNK // read(0, 1).nbytes)
    for start in range(0, shape[0], step):
        written.append(read(start, min(start + step, shape[0])))
    written.close()


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
