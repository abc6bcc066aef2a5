"""Rows as small pixel pictures: PNG inside the page, transparent where there is nothing to see."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass.report.facts import Data, Example, Variant

Array = NDArray[Any]

#: Bytes that all thumbnails may take before they are compressed.
_BUDGET = 2_200_000
_MAX_SIDE = 96
#: Ends of the scale of differences, blue below zero and orange above: they read on white and on black.
_BELOW, _ABOVE = (45, 125, 210), (225, 105, 20)
#: Steps from no colour to full colour: more can't be told apart, and take more bytes.
_STRENGTHS = 15


@dataclass(frozen=True)
class Scale:
    """How numbers become pixels, the same for all pictures of a report.

    Parameters
    ----------
    low, high : float
        Black and white, in the data's units.
    difference : float
        The difference that is drawn in full colour, in the nets' units.
    side : int
        The longest side of a picture in pixels.
    """

    low: float
    high: float
    difference: float
    side: int

    @classmethod
    def of(cls, data: Data, variants: Sequence[Variant]) -> "Scale":
        """Fit the scale to what is shown."""
        examples = [example for variant in variants for kind in variant.examples.values() for example in kind]
        differences = np.concatenate([np.abs(one.x_hat - one.x).reshape(-1) for one in examples])
        # an original, a reconstruction and two coloured pictures for each example; a picture for each of the others
        channels = data.shape[0] if data.kind == "image" else 1
        others = sum(len(variant.samples) + variant.frames for variant in variants)
        pictures = (2 * channels + 4) * len(examples) + channels * others
        return cls(
            low=min(one["min"] for one in data.statistics),
            high=max(one["max"] for one in data.statistics),
            difference=float(np.quantile(differences, 0.99)) or 1.0,
            side=int(min(_MAX_SIDE, (_BUDGET / pictures) ** 0.5)),
        )


def example(data: Data, scale: Scale, one: Example) -> str:
    """Draw an original, its reconstruction, the difference between them, its map and its mask, one below another."""
    tiles = [
        shrunk(pixels(data, scale, one.x), scale.side),
        shrunk(pixels(data, scale, one.x_hat), scale.side),
        shrunk(_signed(_picture(one.x_hat - one.x).mean(axis=0), scale.difference), scale.side),
    ]
    if one.map is not None:
        tiles.append(shrunk(_signed(one.map / 255, 1.0), scale.side))
    if one.mask is not None:
        tiles.append(shrunk(_signed(one.mask, 1.0), scale.side))
    gap = np.zeros((max(1, len(tiles[0]) // 16), tiles[0].shape[1], 4), np.uint8)
    return _data_uri(np.concatenate([part for tile in tiles for part in (gap, tile)][1:]))


def sample(data: Data, scale: Scale, x: Array) -> str:
    """Draw one image."""
    return _data_uri(shrunk(pixels(data, scale, x), scale.side))


def film(data: Data, scale: Scale, *groups: Array) -> str:
    """Draw images from left to right, with a gap between groups.

    Parameters
    ----------
    data : Data
    scale : Scale
    *groups : ndarray of shape (images, *shape)
    """
    frames = [[shrunk(pixels(data, scale, x), scale.side) for x in group] for group in groups]
    height = len(frames[0][0])
    gap, step = (np.zeros((height, max(1, height // size), 4), np.uint8) for size in (3, 16))
    parts = [part for group in frames for part in (gap, *(tile for frame in group for tile in (step, frame)))]
    return _data_uri(np.concatenate(parts[2:], axis=1))


def strip(values: Array, limit: float) -> str:
    """Draw numbers as a grid of cells: blue below zero, orange above, full colour at `limit`."""
    return _data_uri(_signed(values, limit))


def _picture(x: Array) -> Array:
    """Give an image as it is; lay a spectrum out with low frequencies at the bottom, its frames wide enough to see."""
    if x.ndim == 3:
        return x
    bands, frames = x.shape
    return np.repeat(x[None, ::-1], max(1, bands // (2 * frames)), axis=2)


def pixels(data: Data, scale: Scale, x: Array) -> Array:
    """Turn an image of the nets' units and shape (channels, height, width) into RGBA."""
    raw = data.normaliser.inverse(_picture(x))
    grey = (raw - scale.low) / ((scale.high - scale.low) or 1.0)
    channels = [0, 1, 2] if len(grey) >= 3 else [0, 0, 0]
    colours = np.moveaxis(grey[channels], 0, -1)
    opaque = np.ones((*colours.shape[:2], 1))
    return (np.concatenate([colours, opaque], axis=2).clip(0, 1) * 255).round().astype(np.uint8)


def _signed(values: Array, limit: float) -> Array:
    strength = (_STRENGTHS * np.clip(np.abs(values) / limit, 0, 1)).round()[..., None] / _STRENGTHS
    colours = np.where(values[..., None] < 0, np.array(_BELOW), np.array(_ABOVE)) * (strength > 0)
    return np.concatenate([colours, 255 * strength], axis=-1).round().astype(np.uint8)


def shrunk(pixels: Array, side: int) -> Array:
    """Average pixels until the longest side has so many; small pictures stay."""
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _data_uri(pixels: Array) -> str:
    assert prod(pixels.shape) > 0  # noqa: S101
    if (pixels[..., :1] == pixels[..., 1:3]).all():  # grey, which takes half the bytes
        pixels = pixels[..., [0, 3]]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
