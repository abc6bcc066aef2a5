"""What is watched of rows: the columns of a table, the entries of a short array, or what sums up larger rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.drift.bins import Floats
from hourglass.runtime.schema import Schema, as_text
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.table import Column, TableSchema

#: Entries of arrays, and units of codes, that are watched one by one at most.
MOST = 256


@dataclass(frozen=True)
class Watched:
    """One thing that is watched of each row.

    Parameters
    ----------
    name : str
    values : tuple of str
        Of a category; of numbers none.
    type : {"number", "category", "time"}
        Times are seconds since 1970.
    """

    name: str
    values: tuple[str, ...] = ()
    type: str = "number"


def watched(schema: Schema) -> tuple[Watched, ...]:
    """Name what is watched of the rows of a schema, in the order of `read`.

    A table's columns; the entries of an array of up to 256 numbers; of a larger row the mean and the spread (standard
    deviation) of its numbers, for a signal and a colour image those of each channel.
    """
    if isinstance(schema, TableSchema):
        return tuple(map(_column, schema.columns))
    if _by_entry(schema):
        return tuple(Watched(f"entry {number + 1}") for number in range(schema.shape[0]))
    return tuple(Watched(f"{what}{channel}") for what in ("mean", "spread") for channel in _channels(schema))


def read(schema: Schema, rows: Any) -> list[Floats]:
    """Read what is watched of rows: for each an array of float64, of a category the place among its values.

    What is missing is NaN. What is no value, an unseen category or text for a number, is infinite.

    Parameters
    ----------
    schema : Schema
    rows : DataFrame, array, list or dict
        As the model takes them.
    """
    if isinstance(schema, TableSchema):
        frame = schema.frame(rows)
        return [_of_column(column, values) for column, (_, values) in zip(schema.columns, frame.items(), strict=True)]
    x, _ = schema.encode(rows)
    numbers = x.astype(np.float64, copy=False)
    return list(numbers.T) if _by_entry(schema) else list(_summed_up(numbers, len(_channels(schema))))


def _column(column: Column) -> Watched:
    if column.type == "boolean":
        return Watched(column.name, ("false", "true"), "category")
    return Watched(column.name, column.values, column.type)


def _of_column(column: Column, values: "pd.Series[Any]") -> Floats:
    if column.type == "category":
        codes = pd.Index(column.values).get_indexer(pd.Index(as_text(values))).astype(np.float64)
        unread = codes < 0
    else:
        codes = column.read(values).copy()
        unread = ~np.isfinite(codes)
    codes[unread] = np.where(values.isna().to_numpy()[unread], np.nan, np.inf)
    return codes


def _by_entry(schema: Schema) -> bool:
    return schema.config()["kind"] == "array" and len(schema.shape) == 1 and schema.shape[0] <= MOST


def _channels(schema: Schema) -> list[str]:
    """Name the channels that are summed up apart, as they stand behind a word."""
    if isinstance(schema, SignalSchema):
        return [f" of {name}" for name in schema.columns]
    channels = schema.shape[0] if schema.config()["kind"] == "image" else 1
    return [f" of channel {number + 1}" for number in range(channels)] if channels > 1 else [""]


def _summed_up(x: NDArray[np.float64], channels: int) -> Iterator[Floats]:
    apart = x.reshape(len(x), channels, -1)
    yield from apart.mean(axis=2).T
    yield from apart.std(axis=2).T
