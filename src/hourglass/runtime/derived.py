"""Partners made of pictures themselves: a sketch of each, or how it would look at night.

A model that was told them makes the picture of its sketch, or day of night. What ingestion makes, serving makes.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .images import with_channels

#: Pictures worked on at once, for their floats take eight times the bytes.
_AT_ONCE = 256
#: Light that is left at night of grey, and of red, green and blue; noise relative to the picture's brightest pixel.
_GREY, _COLOURS, _NOISE = 0.3, np.array([0.2, 0.25, 0.45]), 0.03


def derive(pictures: NDArray[Any], how: str) -> NDArray[Any]:
    """Make the partner of each picture.

    Parameters
    ----------
    pictures : ndarray of shape (rows, height, width) or (rows, height, width, channels)
    how : {"edges", "night"}
        ``edges``: the size of Sobel's gradient of the luma (Sobel & Feldman 1968), shape (rows, height, width), cut at
        the largest number of the type. ``night``: darker and bluer, with Gaussian noise that the picture's own bytes
        seed, so that it doesn't depend on its place; shape as given.

    Returns
    -------
    ndarray
        Of the same type.
    """
    make = {"edges": _edges, "night": _night}[how]
    parts = [make(pictures[start : start + _AT_ONCE]) for start in range(0, len(pictures), _AT_ONCE)]
    return np.concatenate(parts) if parts else make(pictures)


def _edges(pictures: NDArray[Any]) -> NDArray[Any]:
    grey = np.stack([with_channels(picture, 1) for picture in pictures]) if pictures.ndim == 4 else pictures
    padded = np.pad(grey.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, 2:] - padded[:, :-2]
    right = padded[:, :, 2:] - padded[:, :, :-2]
    across = np.abs(down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:])
    along = np.abs(right[:, :-2] + 2 * right[:, 1:-1] + right[:, 2:])
    return _rounded(np.hypot(across, along) / 4, pictures)


def _night(pictures: NDArray[Any]) -> NDArray[Any]:
    light = pictures.astype(np.float64)
    channels = pictures.shape[3] if pictures.ndim == 4 else 1
    colours = channels - (channels in {2, 4})
    seen = light[..., :colours] if pictures.ndim == 4 else light
    seen *= _COLOURS if colours == 3 else _GREY
    for place, picture in enumerate(pictures):
        seen[place] += _NOISE * float(picture.max()) * _generator(picture).standard_normal(seen[place].shape)
    return _rounded(light, pictures)


def _generator(picture: NDArray[Any]) -> np.random.Generator:
    seed = hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=8).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(seed, "little")))


def _rounded(values: NDArray[np.float64], like: NDArray[Any]) -> NDArray[Any]:
    if like.dtype.kind == "f":
        return values.astype(like.dtype)
    limits = np.iinfo(like.dtype)
    return values.clip(limits.min, limits.max).round().astype(like.dtype)
