"""What a row is: between rows as people have them and arrays of numbers.

A schema is made once, at ingestion, and travels with the model; what it does there it does in serving.
"""

from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError

#: Name of the rows where something else comes beside them.
ROWS = "x"


class Schema(Protocol):
    """The two directions, and the shape of a row in the net."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net."""
        ...

    @property
    def categories(self) -> tuple[tuple[int, int], ...]:
        """Where the 0s and 1s of each category start and stop among a row's numbers."""
        ...

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Turn rows into an array of shape (rows, *shape) and tell which of them are valid.

        A row that can't be judged (a missing or infinite value, text for a number, an unseen category) is not valid;
        its numbers are 0.

        Raises
        ------
        InputError
            No row can be read: a column is missing, or the shape is another.
        """
        ...

    def decode(self, x: NDArray[np.float64]) -> Any:
        """Turn an array of shape (rows, *shape), in the data's units, into rows like those given."""
        ...

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        ...


@dataclass(frozen=True)
class Column:
    """A column of a table; a category becomes one number (0 or 1) for each of its values."""

    name: str
    type: Literal["number", "category"]
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers that the column becomes."""
        return len(self.values) if self.type == "category" else 1


@dataclass(frozen=True)
class TableSchema:
    """Rows of named columns."""

    columns: tuple[Column, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net."""
        return (sum(column.width for column in self.columns),)

    @property
    def categories(self) -> tuple[tuple[int, int], ...]:
        """Where the 0s and 1s of each category start and stop among a row's numbers."""
        stops = accumulate(column.width for column in self.columns)
        return tuple((stop - c.width, stop) for c, stop in zip(self.columns, stops, strict=True) if c.values)

    @property
    def features(self) -> list[str]:
        """Name of each number: the column's, or ``column=value``."""
        return [
            name
            for column in self.columns
            for name in ([f"{column.name}={value}" for value in column.values] or [column.name])
        ]

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Turn rows into numbers; see `Schema.encode`."""
        frame = self._frame(rows)
        encoded = [_encode_column(column, frame[column.name]) for column in self.columns]
        x = np.concatenate([values for values, _ in encoded], axis=1)
        valid = np.logical_and.reduce([known for _, known in encoded])
        x[~valid] = 0
        return x, valid

    def decode(self, x: NDArray[np.float64]) -> pd.DataFrame:
        """Turn numbers into rows; a category is its value with the largest number."""
        columns: dict[str, Any] = {}
        start = 0
        for column in self.columns:
            part = x[:, start : start + column.width]
            start += column.width
            columns[column.name] = _largest(column.values, part) if column.values else part[:, 0]
        return pd.DataFrame(columns)

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        columns = [
            {"name": column.name, "type": column.type} | ({"values": list(column.values)} if column.values else {})
            for column in self.columns
        ]
        return {"kind": "table", "columns": columns}

    def _frame(self, rows: Any) -> pd.DataFrame:
        names = [column.name for column in self.columns]
        if isinstance(rows, pd.DataFrame):
            missing = [name for name in names if name not in rows.columns]
            if missing:
                raise InputError(f"column {missing[0]!r} is missing; the model needs {', '.join(names)}.")
            doubled = rows.columns[rows.columns.duplicated() & rows.columns.isin(names)]
            if len(doubled):
                raise InputError(f"column {doubled[0]!r} appears twice; give every column a name of its own.")
            return rows
        if names_of(rows):
            rows = {name: rows[name] for name in names if name in names_of(rows)}
        if isinstance(rows, dict) or (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            try:
                frame = pd.DataFrame(rows)
            except ValueError as unequal:
                raise InputError(f"rows are no table ({unequal}); expected a list of values per column.") from unequal
            return self._frame(frame)
        array = np.asarray(rows)
        if array.ndim != 2 or array.shape[1] != len(names):
            raise InputError(f"rows have shape {array.shape}; expected (rows, {len(names)}): {', '.join(names)}.")
        return pd.DataFrame(array, columns=names)


@dataclass(frozen=True)
class ArraySchema:
    """Rows that are arrays of one shape: images (in the net: channels first) or anything else.

    Parameters
    ----------
    kind : "image" or "array"
    raw_shape : tuple of int
        Shape of a row as people have it; of an image (height, width) or (height, width, channels).
    name : str
        Which of several arrays that come together, in a dict or as the fields of one array, holds the rows.
    """

    kind: Literal["image", "array"]
    raw_shape: tuple[int, ...]
    name: str = ROWS

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net."""
        if self.kind == "array":
            return self.raw_shape
        height, width, *channels = self.raw_shape
        return (channels[0] if channels else 1, height, width)

    @property
    def categories(self) -> tuple[tuple[int, int], ...]:
        """None: every number is one."""
        return ()

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bring rows into the net's shape; see `Schema.encode`. Flattened rows are taken too."""
        named = "rows" if self.name == ROWS else f"rows of {self.name!r}"
        array = _numbers(self._chosen(rows))
        if array.dtype.kind not in "buif":
            raise InputError(f"{named} are of type {array.dtype}; expected numbers.")
        if array.ndim == 0 or array.shape[1:] not in {self.raw_shape, (prod(self.raw_shape),)}:
            expected = ", ".join(str(size) for size in self.raw_shape)
            raise InputError(f"{named} have shape {array.shape}; expected (rows, {expected}).")
        array = array.reshape(len(array), *self.raw_shape)
        x = _channels_first(array) if self.kind == "image" else array.copy()
        valid = np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
        x[~valid] = 0
        return x, valid

    def decode(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring rows back into the shape that people have them in."""
        if self.kind == "array":
            return x
        return np.moveaxis(x, 1, -1).reshape(len(x), *self.raw_shape)

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        named = {} if self.name == ROWS else {"name": self.name}
        return {"kind": self.kind, "raw_shape": list(self.raw_shape)} | named

    def _chosen(self, rows: Any) -> Any:
        """Choose this schema's array where several come together."""
        names = names_of(rows)
        if names and self.name not in names:
            raise InputError(f"array {self.name!r} is missing; there: {', '.join(names)}.")
        return rows[self.name] if names else rows.to_numpy() if isinstance(rows, pd.DataFrame) else rows


def schema_from_config(config: dict[str, Any]) -> Schema:
    """Read what `Schema.config` gave."""
    if config["kind"] == "table":
        return TableSchema(
            tuple(Column(entry["name"], entry["type"], tuple(entry.get("values", ()))) for entry in config["columns"])
        )
    return ArraySchema(config["kind"], tuple(config["raw_shape"]), config.get("name", ROWS))


def names_of(rows: Any) -> tuple[str, ...]:
    """Name the arrays that come together, in a dict or as the fields of one array; none where rows come alone."""
    return tuple(rows) if isinstance(rows, dict) else getattr(getattr(rows, "dtype", None), "names", None) or ()


def as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Write categories and labels as text, so that 1, 1.0 and "1" are one value; missing stays missing."""
    return values.map(_text, na_action="ignore").astype(object)


def as_numbers(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """Read numbers and their texts as float64; anything else, times too, is NaN."""
    if values.dtype.kind in "cmM":
        return np.full(len(values), np.nan)
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _encode_column(column: Column, values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if column.type == "number":
        numbers = as_numbers(values)
        return numbers[:, None], np.isfinite(numbers)
    codes = pd.Index(column.values).get_indexer(pd.Index(as_text(values)))
    hot = np.zeros((len(values), column.width))
    known = codes >= 0
    hot[np.flatnonzero(known), codes[known]] = 1
    return hot, known


def _largest(values: tuple[str, ...], numbers: NDArray[np.float64]) -> NDArray[np.object_]:
    chosen: NDArray[np.object_] = np.asarray(values, object)[np.nan_to_num(numbers).argmax(axis=1)]
    chosen[np.isnan(numbers).any(axis=1)] = None
    return chosen


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim == 3:
        return images[:, None].copy()
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def _numbers(rows: Any) -> NDArray[Any]:
    """Read rows as an array; of an array of objects, what is no number becomes NaN."""
    try:
        array = np.asarray(rows)
        if array.dtype != object or array.ndim == 0:
            return array
        stacked = np.stack([np.asarray(row, object) for row in array]) if len(array) else array
    except ValueError as ragged:
        raise InputError(f"rows have different shapes ({ragged}); expected one shape for all.") from ragged
    return as_numbers(pd.Series(stacked.reshape(-1))).reshape(stacked.shape)
