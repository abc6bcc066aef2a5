"""Rows of a table: named columns of numbers and categories."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError
from .schema import as_numbers, as_text, names_of


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

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(tuple(Column(one["name"], one["type"], tuple(one.get("values", ()))) for one in config["columns"]))

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
