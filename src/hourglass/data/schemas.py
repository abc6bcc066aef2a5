"""Inferring what a row is, once, from the raw data."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.params import DataParams
from hourglass.runtime.schema import ArraySchema, Column, Schema, TableSchema, as_numbers, as_text

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
    dropped = {params.label, split_column, *(name for name, use in params.columns.items() if use == "ignore")}
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


def _column(name: str, values: "pd.Series[Any]", fitted: NDArray[np.bool_], declared: str | None) -> Column:
    if values.isna().all():
        raise HourglassError(f"column {name!r} is empty; fill it or set data.columns: {{{name}: ignore}}.")
    if pd.api.types.is_datetime64_any_dtype(values):
        raise HourglassError(f"column {name!r} holds times; set data.columns: {{{name}: ignore}}, or split by it.")
    if declared == "category" or (declared is None and not _is_number(name, values)):
        found = tuple(sorted(set(as_text(values[fitted]).dropna())))
        if len(found) > min(_MAX_CATEGORIES, fitted.sum() / 2):
            raise HourglassError(
                f"column {name!r} has {len(found)} different texts in {fitted.sum()} training rows; those are no "
                f"categories; set data.columns: {{{name}: ignore}}."
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
