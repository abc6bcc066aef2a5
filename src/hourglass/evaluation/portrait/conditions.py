"""Rows made to order: the same noise under each value of a condition."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.portrait.rows import in_net_units
from hourglass.runtime import Model
from hourglass.runtime.table import TableSchema

_VALUES, _EACH = 12, 8


def to_order(model: Model, *, seed: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Draw rows for each value of the one category that a conditional model is told.

    Returns
    -------
    dict
        ``column``, the ``values`` shown, and ``of``, how many there are; empty for a model that is told no category, or
        more than one column.
    dict of str to ndarray
        ``condition_x`` of shape (values, rows, *shape); the n-th row of every value is made from the same noise.
    """
    schema = model.conditioning.schema if model.conditioning is not None else None
    if not isinstance(schema, TableSchema) or len(schema.columns) != 1 or not schema.columns[0].values:
        return {}, {}
    (column,) = schema.columns
    values = list(column.values[:_VALUES])
    drawn = [model.sample(_EACH, seed=seed, condition={column.name: [value]}) for value in values]
    facts = {"column": column.name, "values": values, "of": len(column.values)}
    return facts, {"condition_x": np.stack([in_net_units(model, rows) for rows in drawn])}
