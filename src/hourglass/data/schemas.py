"""Inferring what a row is, once, from the raw data."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Raw
from hourglass.data.sources.array import kind_of
from hourglass.errors import HourglassError
from hourglass.params import DataParams
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.schema import Schema, as_numbers, as_text
from hourglass.runtime.table import Column, TableSchema

#: A text column with at least this share of numbers is a column of numbers with mistakes in it.
_MOSTLY_NUMBERS = 0.9
_MAX_CATEGORIES = 1000


def features(raw: Raw, params: DataParams, split_column: str | None) -> Any:
    """Give what a model may see: no label, no column that decides the split, nothing ignored.

    Raises
    ------
    HourglassError
        ``data.columns`` names a column that isn't there, or no column is left.
    """
    if raw.kind != "table":
        return raw.rows
    for name in params.columns:
        raw.column(name, "data.columns")
    ignored = {name for name, use in params.columns.items() if use == "ignore"}
    dropped = {params.label, split_column, *params.condition} | ignored
    kept = [name for name in raw.rows.columns if name not in dropped]
    if not kept:
        raise HourglassError(
            "no column is left to model; see data.label, data.columns and split.column in params.yaml."
        )
    return raw.rows[kept]


def infer(rows: Any, raw: Raw, fitted: NDArray[np.bool_], params: DataParams) -> Schema:
    """Infer the schema.

    Parameters
    ----------
    rows : DataFrame or ndarray
        As `features` gives them.
    raw : Raw
    fitted : ndarray of bool
        The training rows; categories are learnt from these alone.
    params : DataParams

    Raises
    ------
    HourglassError
        A column is neither numbers nor categories.
    """
    if raw.kind != "table":
        return ArraySchema(raw.kind, tuple(rows.shape[1:]))
    return TableSchema(
        tuple(_column(str(name), rows[name], fitted, params.columns.get(str(name))) for name in rows.columns)
    )


def known_rows(raw: Raw, params: DataParams) -> Any:
    """Give what holds the columns of ``data.condition``, or the array."""
    return next((raw.arrays[name] for name in params.condition if name in raw.arrays), raw.side)


def infer_condition(raw: Raw, fitted: NDArray[np.bool_], params: DataParams) -> Schema:
    """Infer what ``data.condition`` names: an array, or columns; the label is a category whatever it looks like.

    Raises
    ------
    HourglassError
        There is no such column, it is neither numbers nor categories, or rows to judge couldn't bring it.
    """
    names = params.condition
    if params.label in names and len(names) > 1:
        raise HourglassError(
            f"params.yaml: data.condition names the label {params.label!r} and other columns; rows to judge bring "
            "those and never their label, so name one kind or the other."
        )
    for name in sorted(raw.arrays.keys() & names):
        if len(names) > 1:
            raise HourglassError(
                f"params.yaml: data.condition names the array {name!r}, which can only be named alone, and others."
            )
        return _array(name, raw.arrays[name])
    declared = params.columns | ({params.label: "category"} if params.label else {})
    remedy = "take it out of data.condition"
    columns = (
        _column(name, raw.column(name, "data.condition"), fitted, declared.get(name), remedy)
        for name in dict.fromkeys(names)
    )
    return TableSchema(tuple(columns))


def _array(name: str, values: NDArray[Any]) -> ArraySchema:
    if values.dtype.kind not in "buif":
        raise HourglassError(f"array {name!r} is of type {values.dtype}; expected numbers.")
    return ArraySchema(kind_of(values), tuple(values.shape[1:]), name)


def _column(
    name: str, values: "pd.Series[Any]", fitted: NDArray[np.bool_], declared: str | None, remedy: str = ""
) -> Column:
    remedy = remedy or f"set data.columns: {{{name}: ignore}}"
    if values.isna().all():
        raise HourglassError(f"column {name!r} is empty; fill it or {remedy}.")
    if pd.api.types.is_datetime64_any_dtype(values):
        raise HourglassError(f"column {name!r} holds times; {remedy}, or split by it.")
    if declared == "category" or (declared is None and not _is_number(name, values)):
        found = tuple(sorted(set(as_text(values[fitted]).dropna())))
        if len(found) > min(_MAX_CATEGORIES, fitted.sum() / 2):
            raise HourglassError(
                f"column {name!r} has {len(found)} different texts in {fitted.sum()} training rows; those are no "
                f"categories; {remedy}."
            )
        return Column(name, "category", found)
    _require_numbers(name, values)
    return Column(name, "number")


def _is_number(name: str, values: "pd.Series[Any]") -> bool:
    if pd.api.types.is_numeric_dtype(values):
        return True
    return bool((~np.isnan(as_numbers(values.dropna()))).mean() >= _MOSTLY_NUMBERS)


def _require_numbers(name: str, values: "pd.Series[Any]") -> None:
    text = np.flatnonzero(values.notna() & np.isnan(as_numbers(values)))
    if len(text):
        raise HourglassError(
            f"column {name!r}, row {text[0]}: {values.iloc[text[0]]!r} is no number, but the column holds numbers "
            f"({len(text)} such of {len(values)}); mend the file or set data.columns: {{{name}: category}}."
        )
