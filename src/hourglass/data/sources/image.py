"""Folders of images, packed into tar shards with the same bytes for the same files."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from hourglass.data.sources import Kind, Raw, derived, folders, packed, tars
from hourglass.params import DataParams

_STEM = "images"


def accepts(path: Path, data: DataParams) -> bool:
    """Take a folder with at least one image somewhere below it."""
    return path.is_dir() and next(folders.image_files(path), None) is not None


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Check every image and pack the files, in the order of their paths.

    Of files that can't be read and may be skipped, ``skipped.json`` tells the names and what is wrong.
    """
    files = tars.in_order(folders.image_files(path), path)
    folders.check_labels(path, [file.relative_to(path).as_posix() for file in files])
    skipped = packed.check(files, data.image)
    tars.pack([file for file in files if file not in skipped], path, shard, _STEM)
    packed.list_skipped(skipped, path, shard)
    if (path / folders.LABELS).is_file():
        shutil.copyfile(path / folders.LABELS, shard / folders.LABELS)
    return "image"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Decode every image and give it the form that the settings ask for.

    Beside it stands what `folders.side` knows and, where pictures get one size, the ``height`` and ``width`` of each.
    """
    side = folders.side(shard, tars.names(shard, _STEM))
    start = 0
    for pixels, sizes in packed.decoded(shard, _STEM, data.image, derived.room(limit, data)):
        rows = side.iloc[start : start + len(pixels)].reset_index(drop=True)
        start += len(pixels)
        if data.image.size:
            rows = rows.assign(height=sizes[:, 0], width=sizes[:, 1])
        yield derived.beside(Raw(kind, pixels, rows), data)
