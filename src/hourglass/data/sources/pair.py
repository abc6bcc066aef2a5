"""Two folders of images whose files belong together by their names: a photo and its sketch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw, folders, image, masks, packed, tars
from hourglass.errors import HourglassError

#: The name of the other folder's images: the array that a conditional variant is told.
PAIR = "pair"

Decoded = Iterator[tuple[int, NDArray[Any], NDArray[np.int64]]]


def accepts(path: Path, data: DataParams) -> bool:
    """Take a folder of images where ``data.pair`` names another."""
    return data.pair is not None and image.accepts(path, data)


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Check all images of both folders and pack them, in the order of the first; see `image.take`."""
    other = Path(str(data.pair))
    rows, partners = _matched(path, other)
    folders.check_labels(path, [file.relative_to(path).as_posix() for file in rows])
    skipped = packed.check(rows, data.image) | packed.check(partners, data.image)
    whole = [place for place, two in enumerate(zip(rows, partners, strict=True)) if not skipped.keys() & set(two)]
    if not whole:
        raise HourglassError(f"{path} and {other} have no pair of which both images can be read; mend one.")
    kept = [rows[place] for place in whole]
    tars.pack(kept, path, shard, image.STEM)
    masks.take(path, rows, kept, shard)
    tars.pack([partners[place] for place in whole], other, shard, PAIR)
    packed.list_skipped(skipped, path, shard)
    packed.list_skipped(skipped, other, shard, f"{PAIR}-{packed.SKIPPED}")
    folders.copy_labels(path, shard)
    return "image"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Decode the images of both folders; those of the other are the array ``pair``."""
    side = image.beside(shard)
    ours, theirs = (packed.decoded(shard, stem, data.image, limit // 2) for stem in (image.STEM, PAIR))
    for start, pixels, sizes, partners in _aligned(ours, theirs):
        yield Raw(kind, pixels, image.rows_of(side, start, sizes, data), {PAIR: partners})


def _aligned(ours: Decoded, theirs: Decoded) -> Iterator[tuple[int, NDArray[Any], NDArray[np.int64], NDArray[Any]]]:
    """Cut blocks of two streams so that each has the same rows of both."""
    partners = np.empty(0)
    for start, pixels, sizes in ours:
        done = 0
        while done < len(pixels):
            if not len(partners):
                _, partners, _ = next(theirs)
            count = min(len(pixels) - done, len(partners))
            part = slice(done, done + count)
            yield start + done, pixels[part], sizes[part], partners[:count]
            partners, done = partners[count:], done + count


def _matched(path: Path, other: Path) -> tuple[list[Path], list[Path]]:
    """Pair the files of two folders by their paths without the suffix."""
    here, there = _by_name(path), _by_name(other)
    for alone, root, missing in ((here.keys() - there, path, other), (there.keys() - here, other, path)):
        if alone:
            raise HourglassError(
                f"{root} has {min(alone)!r} and {missing} has no image of that name ({len(alone)} such); add it, or "
                "remove the one that is alone."
            )
    return list(here.values()), [there[name] for name in here]


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in tars.in_order(folders.image_files(folder), folder):
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise HourglassError(f"{file} and {found[name]} differ in nothing but the suffix; a pair needs one.")
        found[name] = file
    return found
