"""Rows of a table: named columns of numbers, booleans, categories and times."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError
from .schema import array_of, as_numbers, as_text, judged, names_of, scalars, table_of

Type = Literal["number", "boolean", "category", "time"]
Impute = Literal["none", "mean", "median", "indicator"]
Coding = Literal["auto", "onehot", "embedding"]
_ROWS_AT_ONCE = 2048
#: Categories of more numbers than this are embedded by themselves; fewer are as good as they are.
_WIDE = 16
#: Seconds of what times come back to: a day from midnight, a week from Monday (the epoch was a Thursday).
_CYCLES = {"day": (86_400, 0), "week": (604_800, 3 * 86_400)}


@dataclass(frozen=True)
class Column:
    """A column of a table, and the numbers that it becomes.

    A number is itself, a boolean 0 or 1, a time its seconds since 1970 (UTC), a category one number (0 or 1) for each
    of its values.

    Parameters
    ----------
    name : str
    type : str
    values : tuple of str
        Of a category.
    scale : str
        How its number is brought into the nets' units, as in `hourglass.data.scaling`; "auto": as all others.
    impute : str
        What stands for a missing value: "none", a row without it can't be judged; "mean" or "median" of the training
        rows; of a category "indicator". But for "none" a 0 or 1 beside tells whether the value is missing.
    cycles : bool
        Of a time: sine and cosine of the hour in the day and of the day in the week stand beside.
    coding : str
        Of a category: how nets take its 0s and 1s in, as they are ("onehot") or embedded ("embedding"); "auto":
        embedded where there are more than 16.
    """

    name: str
    type: Type
    values: tuple[str, ...] = ()
    scale: str = "auto"
    impute: Impute = "none"
    cycles: bool = False
    coding: Coding = "auto"

    @property
    def width(self) -> int:
        """Numbers that the column becomes."""
        return len(self.features)

    @property
    def plain(self) -> bool:
        """Whether it becomes its own number and nothing else."""
        return self.type == "number" and self.width == 1

    @property
    def embedded(self) -> bool:
        """Whether nets embed the column."""
        chosen = self.coding == "embedding" or (self.coding == "auto" and self.width > _WIDE)
        return self.type == "category" and chosen

    @property
    def features(self) -> list[str]:
        """Name of each number: the column's, ``column=value``, ``column (sine of day)``, ``column is missing``."""
        names = [f"{self.name}={value}" for value in self.values] if self.type == "category" else [self.name]
        if self.cycles:
            names += [f"{self.name} ({wave} of {cycle})" for cycle in _CYCLES for wave in ("sine", "cosine")]
        return names + ([f"{self.name} is missing"] if self.impute != "none" else [])

    def encode(self, values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Turn values into numbers of shape (rows, width), NaN where one is missing that the normaliser fills.

        Returns
        -------
        ndarray and ndarray of bool
            The second tells which rows can be judged.
        """
        numbers, known = self._of_values(values)
        if self.impute == "none":
            return numbers, known
        missing = values.isna().to_numpy()
        return np.column_stack([numbers, missing]), known | missing

    def read(self, values: "pd.Series[Any]") -> NDArray[np.float64]:
        """Read numbers, booleans or times as one number each; what is none, or missing, is NaN."""
        return {"number": as_numbers, "boolean": _booleans, "time": _seconds}[self.type](values)

    def decode(self, numbers: NDArray[np.float64]) -> Any:
        """Turn numbers of shape (rows, width) into values; what was imputed comes back as a value."""
        if self.type == "category":
            values = (*self.values, None) if self.impute != "none" else self.values
            return _largest(values, numbers)
        first = numbers[:, 0]
        if self.type == "boolean":
            chosen = pd.array(first >= 0.5, dtype="boolean")
            chosen[np.isnan(first)] = pd.NA
            return chosen
        return _times(first) if self.type == "time" else first

    def config(self) -> dict[str, Any]:
        """Describe the column as JSON; what is as usual is left out."""
        found: dict[str, Any] = {"name": self.name, "type": self.type, "values": list(self.values), "scale": self.scale}
        found |= {"impute": self.impute, "cycles": self.cycles, "coding": self.coding}
        usual: dict[str, Any] = {"values": [], "scale": "auto", "impute": "none", "cycles": False, "coding": "auto"}
        return {key: value for key, value in found.items() if key not in usual or value != usual[key]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(**(config | {"values": tuple(config.get("values", ()))}))

    def _of_values(self, values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if self.type == "category":
            return _one_hot(self.values, values)
        numbers = self.read(values)
        known = np.isfinite(numbers)
        return (_with_cycles(numbers) if self.cycles else numbers[:, None]), known


@dataclass(frozen=True)
class TableSchema:
    """Rows of named columns."""

    columns: tuple[Column, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net."""
        return (sum(column.width for column in self.columns),)

    @property
    def categories(self) -> tuple[tuple[int, int], ...]:
        """Where the 0s and 1s of each category start and stop among a row's numbers."""
        return tuple(place for column, place in self._places() if column.type == "category")

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Those of the categories that nets embed."""
        return tuple(place for column, place in self._places() if column.embedded)

    @property
    def features(self) -> list[str]:
        """Name of each number; see `Column.features`."""
        return [name for column in self.columns for name in column.features]

    @property
    def numbers(self) -> dict[int, Column]:
        """The columns that are one number to scale (numbers and times), by the place of that number in a row."""
        return {start: column for column, (start, _) in self._places() if column.type in ("number", "time")}

    @property
    def imputed(self) -> dict[int, Column]:
        """The columns whose missing number is filled, by its place in a row."""
        return {
            start: column
            for column, (start, _) in self._places()
            if column.impute != "none" and column.type != "category"
        }

    @property
    def measured(self) -> list[int]:
        """Places of the numbers in a row that a normaliser must know the spread of."""
        return sorted({*self.numbers, *self.imputed})

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Turn rows into numbers; see `Schema.encode`."""
        numbers = self.bare(rows)
        if numbers is not None:
            return judged(numbers.astype(np.float64, copy=False))
        x, valid = self._side_by_side(self.frame(rows))
        x[~valid] = 0
        return x, valid

    def bare(self, rows: Any) -> NDArray[Any] | None:
        """Give an array, or a table of numbers of one type, as it is; see `Schema.bare`."""
        if not self._is_plain:
            return None
        if isinstance(rows, np.ndarray) and rows.dtype.kind in "iuf" and rows.shape[1:] == self.shape:
            return rows
        frame = self.frame(rows)
        dtypes = set(frame.dtypes)
        is_one = len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in dtypes)
        return frame.to_numpy() if is_one else None

    @cached_property
    def _is_plain(self) -> bool:
        return all(column.plain for column in self.columns)

    def decode(self, x: NDArray[np.float64]) -> pd.DataFrame:
        """Turn numbers into rows; a category is its value with the largest number."""
        return pd.DataFrame({column.name: column.decode(x[:, start:stop]) for column, (start, stop) in self._places()})

    def by_column(self, parts: NDArray[np.float64]) -> pd.DataFrame:
        """Sum what is told of each number in the net, of shape (rows, *shape), over the numbers of each column."""
        places = self._places()
        return pd.DataFrame({column.name: parts[:, start:stop].sum(axis=1) for column, (start, stop) in places})

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        return {"kind": "table", "columns": [column.config() for column in self.columns]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(tuple(Column.from_config(one) for one in config["columns"]))

    def _side_by_side(self, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Encode column by column."""
        encoded = [column.encode(values) for column, (_, values) in zip(self.columns, frame.items(), strict=True)]
        places = [place for _, place in self._places()]
        x = np.empty((len(frame), *self.shape))
        for first in range(0, len(x), _ROWS_AT_ONCE):  # rows that fit a processor's cache are put together there
            rows = slice(first, first + _ROWS_AT_ONCE)
            for (numbers, _), (start, stop) in zip(encoded, places, strict=True):
                x[rows, start:stop] = numbers[rows]
        return x, np.logical_and.reduce([known for _, known in encoded])

    def _places(self) -> list[tuple[Column, tuple[int, int]]]:
        """Say where the numbers of each column start and stop."""
        stops = accumulate(column.width for column in self.columns)
        return [(column, (stop - column.width, stop)) for column, stop in zip(self.columns, stops, strict=True)]

    def frame(self, rows: Any) -> pd.DataFrame:
        """Give rows as a table that has the schema's columns and no other."""
        names = [column.name for column in self.columns]
        if isinstance(rows, pd.DataFrame):
            return _columns_of(rows, names)
        if names_of(rows):
            rows = {name: rows[name] for name in names if name in names_of(rows)}
        if isinstance(rows, dict) or (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            return _columns_of(table_of(rows), names)
        array = array_of(rows)
        if array.shape == (0,):
            array = array.reshape(0, len(names))
        if array.ndim != 2 or array.shape[1] != len(names):
            raise InputError(f"rows have shape {array.shape}; expected (rows, {len(names)}): {', '.join(names)}.")
        return pd.DataFrame(array, columns=names)


def _columns_of(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Take these columns of a table, each of which it has to have once."""
    if frame.columns.tolist() == names:
        return frame
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError(f"column {missing[0]!r} is missing; the model needs {', '.join(names)}.")
    doubled = frame.columns[frame.columns.duplicated() & frame.columns.isin(names)]
    if len(doubled):
        raise InputError(f"column {doubled[0]!r} appears twice; give every column a name of its own.")
    return frame[names]


def _one_hot(known: tuple[str, ...], values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    codes = pd.Index(known).get_indexer(pd.Index(as_text(values)))
    hot = np.zeros((len(values), len(known)))
    found = codes >= 0
    hot[np.flatnonzero(found), codes[found]] = 1
    return hot, found


def _booleans(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """Read true, false, 1 and 0 and their texts; anything else is NaN."""
    if pd.api.types.is_bool_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    words = as_text(values).str.strip().str.lower().map({"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0})
    return np.asarray(words, np.float64)


def _seconds(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """Read times and their ISO 8601 texts as seconds since 1970 in UTC; anything else is NaN."""
    if values.dtype.kind in "biufc":
        return np.full(len(values), np.nan)
    times = pd.Series(pd.to_datetime(scalars(values), format="ISO8601", utc=True, errors="coerce"))
    seconds: NDArray[np.float64] = times.dt.as_unit("us").to_numpy("datetime64[us]").astype(np.int64) / 1e6
    seconds[times.isna().to_numpy()] = np.nan
    return seconds


def _times(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Undo `_seconds`; times beyond the years 1 to 9999 are missing."""
    whole = np.abs(seconds - 1e11) < 1.6e11  # false for NaN too
    microseconds = np.rint(np.where(whole, seconds, 0) * 1e6).astype(np.int64).astype("datetime64[us]")
    microseconds[~whole] = np.datetime64("NaT")
    return microseconds


def _with_cycles(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put sine and cosine of the place in the day and the week beside times; 0 beside a missing one."""
    columns = [seconds]
    for period, shift in _CYCLES.values():
        angle = 2 * np.pi * ((seconds + shift) % period) / period
        columns += [np.nan_to_num(np.sin(angle)), np.nan_to_num(np.cos(angle))]
    return np.column_stack(columns)


def _largest(values: tuple[str | None, ...], numbers: NDArray[np.float64]) -> NDArray[np.object_]:
    chosen: NDArray[np.object_] = np.asarray(values, object)[np.nan_to_num(numbers).argmax(axis=1)]
    chosen[np.isnan(numbers).any(axis=1)] = None
    return chosen
