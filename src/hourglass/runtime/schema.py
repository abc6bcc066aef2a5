"""What a row is: between rows as people have them and arrays of numbers.

A schema is made once, at ingestion, and travels with the model; what it does there it does in serving.
"""

from importlib import import_module
from sys import float_info
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError

#: Name of the rows where something else comes beside them.
ROWS = "x"
#: The module and the class that know a kind of rows.
_KINDS = {
    "table": ("table", "TableSchema"),
    "image": ("array", "ArraySchema"),
    "array": ("array", "ArraySchema"),
    "signal": ("signal", "SignalSchema"),
    "audio": ("audio", "AudioSchema"),
}


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

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """Those of the categories that nets embed."""
        ...

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Turn rows into an array of shape (rows, *shape) and tell which of them are valid.

        A row that can't be judged (a missing or infinite value, text for a number, an unseen category) is not valid;
        its numbers are 0. The array may be the rows themselves: it is not to be written to.

        Raises
        ------
        InputError
            No row can be read: a column is missing, or the shape is another.
        """
        ...

    def bare(self, rows: Any) -> NDArray[Any] | None:
        """Give numbers as `encode` does, where that is done without looking at them; None where it isn't.

        Nobody has judged them yet: NaN and what is infinite stay. The array is not to be written to.
        """
        ...

    def decode(self, x: NDArray[np.float64]) -> Any:
        """Turn an array of shape (rows, *shape), in the data's units, into rows like those given."""
        ...

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        ...


class Uncategorised:
    """Rows that hold no categories; the part of a schema that says so."""

    @property
    def categories(self) -> tuple[tuple[int, int], ...]:
        """None: every number is one."""
        return ()

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """None, for there are no categories."""
        return ()


def schema_from_config(config: dict[str, Any]) -> Schema:
    """Read what `Schema.config` gave."""
    module, name = _KINDS[config["kind"]]
    return cast(Schema, getattr(import_module(f".{module}", __package__), name).from_config(config))


def names_of(rows: Any) -> tuple[str, ...]:
    """Name the arrays that come together, in a dict or as the fields of one array; none where rows come alone."""
    return tuple(rows) if isinstance(rows, dict) else getattr(getattr(rows, "dtype", None), "names", None) or ()


def chosen(rows: Any, name: str) -> Any:
    """Choose the array of that name where several come together.

    Raises
    ------
    InputError
        It isn't among them.
    """
    names = names_of(rows)
    if names and name not in names:
        raise InputError(f"array {name!r} is missing; there: {', '.join(names)}.")
    return rows[name] if names else rows


def as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Write categories and labels as text, so that 1, 1.0 and "1" are one value; missing stays missing."""
    return values.map(_text, na_action="ignore").astype(object)


def scalars(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Put nothing in the place of lists and objects, which JSON may bring and pandas can't compare."""
    if values.dtype != object:
        return values
    return values.map(lambda value: None if isinstance(value, list | dict) else value)


def array_of(rows: Any) -> NDArray[Any]:
    """Read rows as an array.

    Raises
    ------
    InputError
        They have different shapes.
    """
    try:
        return np.asarray(rows)
    except ValueError as ragged:
        raise InputError(f"rows have different shapes ({ragged}); expected one shape for all.") from ragged


def unmasked(rows: Any) -> Any:
    """Give rows, what a masked array hides being missing (NaN)."""
    if not isinstance(rows, np.ma.MaskedArray) or rows.dtype.kind not in "buif":
        return rows
    return np.where(np.ma.getmaskarray(rows), np.nan, rows.data)


def table_of(rows: Any) -> pd.DataFrame:
    """Read lists by column, or a list of rows by name, as a table.

    Raises
    ------
    InputError
        Columns have different lengths, or none.
    """
    try:
        return pd.DataFrame(rows)
    except ValueError as unequal:
        raise InputError(f"rows are no table ({unequal}); expected a list of values per column.") from unequal


def as_numbers(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """Read numbers and their texts as float64, without a copy where they are that; anything else, times too, is NaN."""
    if values.dtype == np.float64:
        return values.to_numpy()
    if values.dtype.kind in "cmM":
        return np.full(len(values), np.nan)
    try:
        return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    except OverflowError:  # whole numbers beyond the largest float, which JSON may bring
        return as_numbers(values.map(lambda value: np.nan if _is_beyond(value) else value))


def matrix_of(rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """Give a table of nothing but float64 as an array of shape (rows, columns), not to be written to; else None."""
    return rows.to_numpy() if all(dtype == np.float64 for dtype in rows.dtypes) else None


def judged(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Tell which rows of numbers hold no NaN and nothing infinite; the numbers of others become 0, in a copy."""
    if x.dtype.kind != "f":  # other numbers are finite
        return x, ~np.zeros(len(x), bool)
    finite = np.isfinite(x)
    if all_true(finite):
        return x, ~np.zeros(len(x), bool)
    valid: NDArray[np.bool_] = np.logical_and.reduce(finite, axis=tuple(range(1, x.ndim)))
    x = x.copy()
    x[~valid] = 0
    return x, valid


def all_true(mask: NDArray[np.bool_]) -> bool:
    """Tell whether a mask is true throughout, in a tenth of the time that numpy takes to begin a reduction."""
    return b"\0" not in mask.tobytes("A")


def _is_beyond(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > float_info.max


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
