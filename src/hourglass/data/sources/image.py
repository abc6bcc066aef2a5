"""Folders of images, packed into tar shards with the same bytes for the same files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw, derived, folders, masks, packed, tars

STEM = "images"


def accepts(path: Path, data: DataParams) -> bool:
    """Take a folder with at least one image somewhere below it."""
    return path.is_dir() and next(folders.image_files(path), None) is not None


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Check every image and pack the files, in the order of their paths, and their masks.

    Of files that can't be read and may be skipped, ``skipped.json`` tells the names and what is wrong.
    """
    files = tars.in_order(folders.image_files(path), path)
    folders.check_labels(path, [file.relative_to(path).as_posix() for file in files])
    skipped = packed.check(files, data.image)
    whole = [file for file in files if file not in skipped]
    tars.pack(whole, path, shard, STEM)
    masks.take(path, files, whole, shard)
    packed.list_skipped(skipped, path, shard)
    folders.copy_labels(path, shard)
    return "image"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Decode every image and give it the form that the settings ask for.

    Beside it stands what `folders.side` knows and, where pictures get one size, the ``height`` and ``width`` of each.
    """
    side = beside(shard)
    for start, pixels, sizes in packed.decoded(shard, STEM, data.image, derived.room(limit, data)):
        yield derived.beside(Raw(kind, pixels, rows_of(side, start, sizes, data)), data)


def beside(shard: Path) -> pd.DataFrame:
    """Say what is known of the images of a shard; where there are masks, the class is the folder that each lies in."""
    return folders.side(shard, tars.names(shard, STEM), own=masks.there(shard))


def rows_of(side: pd.DataFrame, start: int, sizes: NDArray[np.int64], data: DataParams) -> pd.DataFrame:
    """Give what stands beside the pictures of a block."""
    rows = side.iloc[start : start + len(sizes)].reset_index(drop=True)
    return rows.assign(height=sizes[:, 0], width=sizes[:, 1]) if data.image.size else rows
