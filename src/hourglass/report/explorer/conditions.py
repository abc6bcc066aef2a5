"""What a conditional model may be told in the explorer: choices, each with the numbers that the graph takes."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.table import Column, TableSchema

#: Steps of a number or a time from its smallest to its largest, each with as many rows between.
_STEPS = 11
#: Arrays to choose from.
_ARRAYS = 8


def controls(told: Conditioning, known: NDArray[np.float32], index: NDArray[np.int64]) -> list[dict[str, Any]]:
    """List what can be chosen, one control for each column, or one for an array.

    Parameters
    ----------
    told : Conditioning
    known : ndarray of shape (rows, known)
        What `told` gives of real rows; 0 throughout where nothing is known.
    index : ndarray of shape (rows,)
        Numbers of these rows.

    Returns
    -------
    list of dict
        ``name``; ``options``, each with its ``text`` and ``told``, a part of the numbers that the graph takes: put
        together, and a 1 behind, they are all of them; ``usual``, the place of the option to begin with.
    """
    real = known[known[:, -1] > 0] if known[:, -1].any() else told.usual(1)
    if not isinstance(told.schema, TableSchema):
        places = np.flatnonzero(known[:, -1])[:_ARRAYS]
        options = [_option(f"that of row {index[place]:,}", known[place, :-1]) for place in places]
        return [{"name": told.names[0], "options": options, "usual": 0}]
    seen = told.decode(real)
    values = {column.name: _values(column, seen[column.name]) for column in told.schema.columns}
    found, start = [], 0
    for column in told.schema.columns:
        own = values[column.name]
        rows = pd.DataFrame({name: own if name == column.name else one[:1] * len(own) for name, one in values.items()})
        numbers = told.encode(rows)[0][:, start : start + column.width]
        options = [_option(_text(value), part) for value, part in zip(own, numbers, strict=True)]
        found.append({"name": column.name, "options": options, "usual": 0 if column.values else len(own) // 2})
        start += column.width
    return found


def _values(column: Column, seen: "pd.Series[Any]") -> list[Any]:
    """Give the values of a category, or steps from the smallest to the largest number."""
    if column.type == "category":
        return list(column.values)
    if column.type == "boolean":
        return [False, True]
    ordered = seen.dropna().sort_values().to_list()
    steps = np.linspace(0, len(ordered) - 1, _STEPS).round().astype(int)
    return list(dict.fromkeys(ordered[step] for step in steps))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _option(text: str, told: NDArray[np.float32]) -> dict[str, Any]:
    return {"text": text, "told": [float(number) for number in told]}
