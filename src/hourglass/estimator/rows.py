"""Rows as people have them in a notebook, as arrays with one line per row."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from hourglass.data.statistics import fit_normaliser, summarise
from hourglass.runtime.array import ArraySchema, kind_of
from hourglass.runtime.errors import InputError
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import as_numbers

NORMALISERS = ("auto", "standard", "minmax", "none")


def as_array(values: Any) -> Any:
    """Bring a torch tensor into numpy, wherever it lies; leave anything else as it is."""
    return values.numpy(force=True) if hasattr(values, "detach") else values


def schema_of(X: Any) -> ArraySchema:
    """Tell what a row is: an image where the pipeline would see one, else an array; a table's row is an array, too."""
    array = np.asarray(as_array(X))
    return ArraySchema(kind_of(array), array.shape[1:])


def flat(X: Any, schema: ArraySchema) -> Any:
    """Lay out rows of any shape as lines of a matrix; a table and lists of numbers stay what they are.

    Parameters
    ----------
    X : array, tensor, DataFrame or list
    schema : ArraySchema
        What a row is.

    Raises
    ------
    InputError
        A column of a table holds no numbers, or rows have another shape.
    """
    array = as_array(X)
    if isinstance(array, pd.DataFrame):
        _refuse_text(array)
        return array
    shaped = np.asarray(array)
    if shaped.ndim < 3:
        return array
    if shaped.shape[1:] != schema.raw_shape:
        expected = ", ".join(str(size) for size in schema.raw_shape)
        raise InputError(f"X has shape {shaped.shape}; expected (rows, {expected}), as in fit.")
    return shaped.reshape(len(shaped), -1)


def _refuse_text(frame: pd.DataFrame) -> None:
    for name, column in frame.items():
        wrong = np.flatnonzero(np.isnan(as_numbers(column)) & column.notna().to_numpy())
        if len(wrong):
            raise InputError(
                f"column {name!r}, row {wrong[0]}: {column.iloc[wrong[0]]!r} is no number; encode the column first "
                "(sklearn.preprocessing.OneHotEncoder) or leave it out."
            )


def normaliser(train: NDArray[Any], schema: ArraySchema, how: str) -> Normaliser:
    """Fit the map to the net's units.

    Raises
    ------
    InputError
        There is no such map, or numbers are too large for one.
    """
    if how not in NORMALISERS:
        raise InputError(f"normalise is {how!r}; expected one of {', '.join(NORMALISERS)}.")
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = fit_normaliser(summarise(train, schema), schema, how)
    if not (np.isfinite(fitted.offset).all() and np.isfinite(fitted.scale).all()):
        raise InputError(f"X holds {np.abs(train).max():.3g}; numbers that large have no variance.")
    return fitted


def check_support(x: Tensor, support: tuple[float, float]) -> None:
    """Refuse rows that the likelihood can't express."""
    low, high = x.min().item(), x.max().item()
    if low < support[0] or high > support[1]:
        raise InputError(
            f"the likelihood needs values from {support[0]:g} to {support[1]:g}, and the normalised rows go from "
            f"{low:.3g} to {high:.3g}; set normalise='minmax' or another likelihood."
        )


def split(rows: int, validation: float, calibration: float, seed: int) -> tuple[NDArray[np.intp], ...]:
    """Divide rows at random into those to train on, to stop early by and to set the threshold by.

    A random order makes calibration rows exchangeable with new ones, which the promise about false alarms rests on.

    Returns
    -------
    tuple of three ndarray
        Row numbers; at least two to train on and one in each of the others.

    Raises
    ------
    InputError
        Too few are left to train on.
    """
    stop, threshold = (max(1, round(share * rows)) for share in (validation, calibration))
    if rows - stop - threshold < 2:  # a single row has no variance
        raise InputError(
            f"of {rows} rows, {stop} for validation and {threshold} for calibration leave fewer than two to train on; "
            "give more rows or smaller shares."
        )
    order = np.random.Generator(np.random.Philox(seed)).permutation(rows)
    calibration_rows, validation_rows, train_rows = np.split(order, [threshold, threshold + stop])
    return train_rows, validation_rows, calibration_rows
