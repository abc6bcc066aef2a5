"""What is known of rows beside them, as people have it in a notebook."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.statistics import fit_normaliser, summarise
from hourglass.estimator.rows import as_array
from hourglass.runtime.array import ArraySchema, kind_of
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.errors import InputError
from hourglass.runtime.schema import Schema, as_text
from hourglass.runtime.table import Column, TableSchema

_NAME = "condition"


def learn(y: Any, train: NDArray[np.intp]) -> tuple[Conditioning, NDArray[np.float32]]:
    """Learn what is known of the training rows, and encode that of all rows.

    Floats are numbers; texts, integers and booleans are categories. Arrays with more dimensions are known as a whole.

    Parameters
    ----------
    y : Series, DataFrame, array, tensor or list
        One entry, line of columns, or array per row.
    train : ndarray
        The training rows; units are learnt from these alone.

    Returns
    -------
    Conditioning
    ndarray of shape (rows, known)
    """
    known = _known(y)
    schema: Schema
    if isinstance(known, pd.DataFrame):
        schema = TableSchema(tuple(_column(name, known[name]) for name in known.columns))
    else:
        schema = ArraySchema(kind_of(known), known.shape[1:], _NAME)
    values, _ = schema.encode(known)
    conditioning = Conditioning(schema, fit_normaliser(summarise(values[train], schema), schema, "auto"), of_label=True)
    return conditioning, _encoded(conditioning, known)


def told(conditioning: Conditioning | None, condition: Any, count: int) -> NDArray[np.float32] | None:
    """Encode what `count` rows shall be like: one entry (or line, or array) for all or for each; None: nothing is told.

    Raises
    ------
    InputError
        There is a condition and the model isn't conditional, or the condition can't be read.
    """
    if conditioning is None:
        if condition is not None:
            raise InputError("the variant isn't conditional; leave the condition out, or fit variant='cvae'.")
        return None
    if condition is None:
        return conditioning.unknown(count)
    if isinstance(conditioning.schema, ArraySchema):
        array = np.asarray(as_array(condition))
        known: Any = array[None] if array.shape == conditioning.schema.raw_shape else array
    else:
        known = _known(condition, conditioning.names)
    encoded = _encoded(conditioning, known)
    if len(encoded) not in {1, count}:
        raise InputError(f"the condition has {len(encoded)} rows; expected 1, or {count} as there are rows.")
    return np.broadcast_to(encoded, (count, conditioning.known))


def _known(y: Any, names: tuple[str, ...] | None = None) -> Any:
    """Lay out what is known as a table, with the given names of columns, or as an array."""
    values = as_array(y)
    if isinstance(values, pd.DataFrame):
        return values.rename(columns=str)
    if isinstance(values, dict):
        return pd.DataFrame({name: np.atleast_1d(np.asarray(value)) for name, value in values.items()})
    if isinstance(values, pd.Series):
        return values.to_frame(names[0] if names else _NAME if values.name is None else str(values.name))
    array = np.atleast_1d(np.asarray(values))
    if array.ndim > 2 and names is None:
        return array
    columns = array[:, None] if array.ndim == 1 else array
    width = columns.shape[1]
    names = names or ((_NAME,) if width == 1 else tuple(f"{_NAME}{place}" for place in range(width)))
    if columns.ndim > 2 or width != len(names):
        raise InputError(f"the condition has shape {array.shape}; expected (rows, {len(names)}): {', '.join(names)}.")
    return pd.DataFrame(columns, columns=list(names))


def _column(name: str, values: "pd.Series[Any]") -> Column:
    if values.dtype.kind == "f":
        return Column(name, "number")
    return Column(name, "category", tuple(sorted(set(as_text(values).dropna()))))


def _encoded(conditioning: Conditioning, known: Any) -> NDArray[np.float32]:
    encoded, valid = conditioning.encode(known)
    if not valid.all():
        raise InputError(f"row {int((~valid).argmax())} of the condition isn't known; expected {conditioning.words}.")
    return encoded
