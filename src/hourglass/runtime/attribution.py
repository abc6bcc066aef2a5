"""What a row's score is made of: a part for each column, pixel, entry or reading.

The parts of a row sum to its score. A column that becomes several numbers in the net, such as a category, has the sum
of theirs as its part.
"""

from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError
from .schema import Schema
from .signal import SignalSchema
from .table import TableSchema

Parts = NDArray[np.float64]

#: What the dimensions of a row are called, by kind and number.
_AXES = {
    ("image", 2): ("y", "x"),
    ("audio", 1): ("sample",),
    ("audio", 2): ("band", "frame"),
}
#: A pixel is white where the root of its part is so many times what every pixel has at the threshold.
_WHITE = 4.0


def laid_out(parts: Parts, schema: Schema) -> Any:
    """Lay out one part for each number in the net as people have the rows.

    Parameters
    ----------
    parts : ndarray of shape (rows, *shape)
    schema : Schema

    Returns
    -------
    DataFrame or ndarray
        Of a table a column for each of its columns; else an array in the rows' own shape.
    """
    return schema.by_column(parts) if isinstance(schema, TableSchema) else schema.decode(parts)


def reasons(parts: Any, schema: Schema, most: int) -> pd.DataFrame:
    """Name the places that a row's score comes from, the largest part first.

    Parameters
    ----------
    parts : DataFrame or ndarray
        As of `laid_out`; NaN where a row can't be judged.
    schema : Schema
    most : int
        Reasons of a row, at most.

    Returns
    -------
    DataFrame
        ``reason_1`` (a column's name, or a place), ``share_1`` (its part of the sum, 1 where nothing else counts),
        ``reason_2`` and so on; missing where a row can't be judged, or all its parts are 0.

    Raises
    ------
    InputError
        `most` is below 1.
    """
    if most < 1:
        raise InputError(f"reasons of a row are {most}; expected at least 1.")
    of_image = schema.config()["kind"] == "image" and parts.ndim == 4
    within = parts.sum(axis=3) if of_image else np.asarray(parts)
    values = within.reshape(len(within), prod(within.shape[1:]))
    order = _largest(values, min(most, values.shape[1]))
    sums = values.sum(axis=1)
    known = np.isfinite(sums) & (sums > 0)
    shares = np.take_along_axis(values, order, axis=1) / np.where(known, sums, 1)[:, None]
    found: dict[str, Any] = {}
    for place, (chosen, share) in enumerate(zip(order.T, shares.T, strict=True), start=1):
        is_table = isinstance(parts, pd.DataFrame)
        names = parts.columns[chosen].astype(str) if is_table else _places(chosen, within.shape[1:], schema)
        found[f"reason_{place}"] = pd.Series(names, dtype="string").where(known).array
        found[f"share_{place}"] = np.where(known, share, np.nan)
    return pd.DataFrame(found, index=parts.index if isinstance(parts, pd.DataFrame) else None)


def _largest(values: Parts, most: int) -> NDArray[np.intp]:
    """Give the places of the largest values of each row, the largest first."""
    chosen = np.argpartition(-values, most - 1, axis=1)[:, :most]
    order = np.argsort(-np.take_along_axis(values, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


def _places(chosen: NDArray[np.intp], shape: tuple[int, ...], schema: Schema) -> list[str]:
    """Name places within a row, counted from 0: ``y 3, x 5``."""
    kind = schema.config()["kind"]
    if isinstance(schema, SignalSchema):
        at, channel = np.unravel_index(chosen, shape)
        return [f"{schema.columns[one]} at point {point}" for point, one in zip(at, channel, strict=True)]
    usual = ("entry",) if len(shape) == 1 else tuple(f"axis {axis} at" for axis in range(len(shape)))
    axes = _AXES.get((kind, len(shape)), usual)
    places = zip(*np.unravel_index(chosen, shape), strict=True)
    return [", ".join(f"{axis} {at}" for axis, at in zip(axes, place, strict=True)) for place in places]


def heat(parts: Parts, threshold: float) -> NDArray[np.uint8]:
    """Draw the parts of images as maps of grey: black where nothing is odd.

    The root of a pixel's part, in units of what every pixel has where a score lies at the threshold; 4 of these and
    more are white. One scale for all images of a model, so that maps can be compared.

    Parameters
    ----------
    parts : ndarray of shape (rows, height, width) or (rows, height, width, channels)
        Channels are summed.
    threshold : float
        The score above which an image is anomalous; above 0.

    Returns
    -------
    ndarray of uint8, shape (rows, height, width)
    """
    of_pixel = parts.sum(axis=3) if parts.ndim == 4 else parts
    usual = max(threshold, np.finfo(np.float64).tiny) / (of_pixel.shape[1] * of_pixel.shape[2])
    brightness = np.nan_to_num(np.sqrt(of_pixel.clip(min=0) / usual)) / _WHITE
    grey: NDArray[np.uint8] = (255 * brightness.clip(0, 1)).round().astype(np.uint8)
    return grey
