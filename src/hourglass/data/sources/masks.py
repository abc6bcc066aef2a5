"""Masks of images: pictures that aren't black where the image of their name is anomalous.

They lie in the folder ``ground_truth`` beside the images' own folders. ``ground_truth/hole/3_mask.png`` is the mask of
``hole/3.jpg`` and of ``test/hole/3.png``: names are compared without their endings, from the last folder on.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from hourglass.data.sources import tars
from hourglass.data.sources.folders import GROUND_TRUTH, content, mask_files
from hourglass.errors import HourglassError
from hourglass.runtime.images import Form, decode, with_channels

#: What is behind the name of a mask, if anything.
_MARK = "_mask"
_STEM = "masks"
#: A pixel of a mask that was resized is anomalous from half on.
_HALF = 127


def take(path: Path, images: Sequence[Path], kept: Sequence[Path], shard: Path) -> None:
    """Check the masks below a folder of images and pack those of the images that are kept, in the images' order.

    Parameters
    ----------
    path : Path
        The folder of images.
    images, kept : sequence of Path
        All images in it, and those that are packed.
    shard : Path

    Raises
    ------
    HourglassError
        A mask belongs to no image or to several, can't be read, or has another size than its image.
    """
    masks = {called(file.relative_to(path / GROUND_TRUTH).as_posix()): file for file in mask_files(path)}
    if not masks:
        return
    owners: dict[Path, Path] = {}
    for image in images:
        name = mask_of(image.relative_to(path).as_posix(), masks)
        if name is None:
            continue
        mask = masks[name]
        if mask in owners:
            raise HourglassError(
                f"{mask} is the mask of {owners[mask]} and of {image}; put it into a folder as theirs."
            )
        owners[mask] = image
    for mask in masks.values():
        if mask not in owners:
            raise HourglassError(f"{mask} is the mask of no image below {path}; remove it or add the image.")
    whole = set(kept)
    packed = [mask for mask, image in owners.items() if image in whole]
    for mask in packed:
        _require_size(mask, owners[mask])
    tars.pack(packed, path / GROUND_TRUTH, shard, _STEM)


def there(shard: Path) -> bool:
    """Tell whether a shard holds masks."""
    return any(shard.glob(f"{_STEM}-*.tar"))


def read(shard: Path, images: Sequence[str], form: Form) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Give the masks of a shard in the form of its images.

    Parameters
    ----------
    shard : Path
    images : sequence of str
        Names of its images, in their order.
    form : Form
        What the images are brought to.

    Yields
    ------
    place : int
        Of the image among those of the shard.
    mask : ndarray of bool, shape (height, width)
    """
    if not there(shard):
        return
    names = {called(name) for name in tars.names(shard, _STEM)}
    masks = tars.unpack(shard, _STEM)
    for place, image in enumerate(images):
        if mask_of(image, names) is not None:
            packed = next(masks)
            yield place, marked(packed.content, packed.origin, form)


def called(mask: str) -> str:
    """Give the name of a mask below its folder without ending and mark."""
    return PurePosixPath(mask).with_suffix("").as_posix().removesuffix(_MARK)


def mask_of(image: str, masks: Collection[str]) -> str | None:
    """Find the mask of an image by what masks are called: the one that agrees in most folders; None: none does."""
    parts = PurePosixPath(image).with_suffix("").parts
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((tail for tail in tails if tail in masks), None)


def marked(encoded: bytes, name: str, form: Form) -> NDArray[np.bool_]:
    """Decode a mask and bring it to a form: shape (height, width), true where it isn't black."""
    grey = with_channels(decode(encoded, name), 1) > 0
    mask: NDArray[np.bool_] = Form(form.size, form.fit, 1).apply(255 * grey.astype(np.uint8), name) > _HALF
    return mask


def _require_size(mask: Path, image: Path) -> None:
    """Refuse a mask whose size isn't its image's."""
    sizes = [decode(content(file), str(file)).shape[:2] for file in (mask, image)]
    if sizes[0] != sizes[1]:
        (height, width), (wanted_height, wanted_width) = sizes
        raise HourglassError(
            f"{mask} is {width} x {height} pixels; expected {wanted_width} x {wanted_height}, as its image {image} has."
        )
