"""Folders of images, packed into tar shards with the same bytes for the same files."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from hourglass.data.sources import Kind, Raw, tars
from hourglass.errors import HourglassError
from hourglass.params import DataParams

_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}
_STEM = "images"
_MAX_PIXELS = 64 * 10**6
#: PIL modes that are kept; others are converted.
_KEPT_MODES = {"L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "I;16": "I;16"}
_CONVERTED_MODES = {"1": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB"}


def accepts(path: Path, data: DataParams) -> bool:
    """Take a folder with at least one image somewhere below it."""
    return path.is_dir() and next(_image_files(path), None) is not None


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Check every image and pack the files, in the order of their paths."""
    files = tars.in_order(_image_files(path), path)
    first: tuple[Path, NDArray[Any]] | None = None
    for file in files:
        pixels = _decode(file.read_bytes(), str(file))
        first = first or (file, pixels)
        if pixels.shape != first[1].shape or pixels.dtype != first[1].dtype:
            raise HourglassError(
                f"{file} is {_describe(pixels)} and {first[0]} is {_describe(first[1])}; expected one size and depth "
                "for all images; resize them first."
            )
    tars.pack(files, path, shard, _STEM)
    return "image"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Decode every image; its first sub-folder is its ``class``."""
    images, names = [], []
    for packed in tars.unpack(shard, _STEM):
        images.append(_decode(packed.content, packed.origin))
        names.append(packed.name)
        if (len(images) + 1) * images[0].nbytes > limit:
            yield _raw(kind, images, names)
            images, names = [], []
    if images:
        yield _raw(kind, images, names)


def _raw(kind: Kind, images: list[NDArray[Any]], names: list[str]) -> Raw:
    side = pd.DataFrame({"file": names})
    if all("/" in name for name in names):
        side["class"] = [name.split("/")[0] for name in names]
    return Raw(kind, np.stack(images), side)


def _image_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                yield Path(parent) / name


def _decode(content: bytes, name: str) -> NDArray[Any]:
    try:
        image: Image.Image = Image.open(io.BytesIO(content))
        if image.width * image.height > _MAX_PIXELS:
            raise HourglassError(f"{name} is {image.width} x {image.height}; expected at most {_MAX_PIXELS:,} pixels.")
        image = ImageOps.exif_transpose(image)
        mode = _KEPT_MODES.get(image.mode) or _CONVERTED_MODES.get(image.mode)
        if mode is None:
            raise HourglassError(
                f"{name} has the mode {image.mode}; expected 1 to 4 channels of 8 bits, or grey of 16."
            )
        return np.asarray(image if mode == image.mode else image.convert(mode))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as broken:
        why = "" if isinstance(broken, UnidentifiedImageError) else f" ({broken})"
        raise HourglassError(f"{name} is no readable image{why}; mend or remove it.") from broken


def _describe(pixels: NDArray[Any]) -> str:
    height, width, *channels = pixels.shape
    return f"{width} x {height} with {channels[0] if channels else 1} channel(s) of {8 * pixels.dtype.itemsize} bits"
