"""What training rows look like: the normaliser, and figures for people."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import TableSchema

_LEVELS = np.linspace(0, 1, 21)


def fit_normaliser(x: NDArray[Any], schema: Schema, how: str) -> Normaliser:
    """Fit the map to the nets' units, in float64.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
        Normal training rows alone.
    schema : Schema
        Images share one offset and scale; tables and arrays have one of each per feature. The 0s and 1s of a category
        stay as they are.
    how : {"auto", "standard", "minmax", "none"}
    """
    is_image = schema.config()["kind"] == "image"
    if how == "auto":
        how = "minmax" if is_image else "standard"
    values = x.astype(np.float64)
    axis = None if is_image else 0
    if how == "standard":
        offset, scale = values.mean(axis), values.std(axis)
    elif how == "minmax":
        offset, scale = values.min(axis), np.ptp(values, axis)
    else:
        offset, scale = np.zeros_like(values.min(axis)), np.ones_like(values.min(axis))
    # a constant column's deviation is rounding, not spread
    constant = np.ptp(values, axis) == 0
    scale = np.where(constant | (scale == 0), 1.0, scale)
    if isinstance(schema, TableSchema):
        category = np.repeat([bool(c.values) for c in schema.columns], [c.width for c in schema.columns])
        offset, scale = np.where(category, 0.0, offset), np.where(category, 1.0, scale)
    return Normaliser(np.asarray(offset, np.float64), np.asarray(scale, np.float64))


def describe(x: NDArray[Any], schema: Schema) -> list[dict[str, Any]]:
    """Summarise training rows: per feature of a table, over all entries for images and arrays.

    Returns
    -------
    list of dict
        ``name``, ``mean``, ``std``, ``min``, ``max`` and 21 evenly spaced ``quantiles``, in the data's units.
    """
    if isinstance(schema, TableSchema):
        names, columns = schema.features, x.astype(np.float64)
    else:
        names = ["pixels" if schema.config()["kind"] == "image" else "entries"]
        columns = x.astype(np.float64).reshape(-1, 1)
    quantiles = np.quantile(columns, _LEVELS, axis=0)
    return [
        {
            "name": name,
            "mean": float(columns[:, place].mean()),
            "std": float(columns[:, place].std()),
            "min": float(columns[:, place].min()),
            "max": float(columns[:, place].max()),
            "quantiles": [float(value) for value in quantiles[:, place]],
        }
        for place, name in enumerate(names)
    ]
