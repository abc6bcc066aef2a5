"""What a conditional model is told of rows, and what is asked of it."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .conditioning import Conditioning
from .errors import InputError
from .schema import ROWS, Schema, names_of

Told = NDArray[np.float32]


def told_of(rows: Any, count: int, conditioning: Conditioning, schema: Schema) -> tuple[Told, NDArray[np.bool_]]:
    """Give what a model is told of `count` rows to judge, and which of them it can judge by that.

    Returns
    -------
    ndarray of shape (rows, known)
    ndarray of bool, shape (rows,)

    Raises
    ------
    InputError
        What it is told doesn't come with the rows.
    """
    if conditioning.of_label:
        return conditioning.unknown(count), np.ones(count, bool)
    names = ", ".join(conditioning.names)
    if conditioning.derived and not names_of(rows):
        rows = {ROWS: rows, names: conditioning.derive(schema.decode(schema.encode(rows)[0]))}
    if schema.config()["kind"] != "table" and not names_of(rows):
        raise InputError(
            f"rows come without {names}, which the model is told of each; give a dict of arrays: {ROWS}, {names}."
        )
    told, known = conditioning.encode(rows)
    if len(told) != count:
        raise InputError(f"there are {count} rows and {len(told)} of {names}; expected one for each.")
    return told, known


def asked(condition: Any, count: int, conditioning: Conditioning | None) -> list[Told]:
    """Give what a model is told of `count` rows that it shall make.

    Raises
    ------
    InputError
        It isn't conditional, or doesn't know the condition.
    """
    if conditioning is None:
        if condition is not None:
            raise InputError("the model isn't conditional; leave the condition out.")
        return []
    if condition is None:
        return [conditioning.unknown(count)]
    told, known = conditioning.encode(condition)
    if not known.all():
        raise InputError(f"row {int((~known).argmax())} of the condition isn't known; expected {conditioning.words}.")
    return [for_each(told, count, "the condition", "to make")]


def for_each(told: Told, count: int, what: str, rows: str) -> Told:
    """Repeat what is told of one row for all, or take it as it is."""
    if len(told) not in {1, count}:
        raise InputError(f"{what} has {len(told)} rows; expected 1, or {count} as there are {rows}.")
    return np.broadcast_to(told, (count, told.shape[1]))


def condition_of(text: Any) -> dict[str, list[Any]] | None:
    """Read a condition as MLflow's parameters have it: JSON, column to value."""
    if not text:
        return None
    try:
        return {str(name): [value] for name, value in json.loads(text).items()}
    except (ValueError, AttributeError) as wrong:
        raise InputError(f'condition is {text!r}; expected JSON such as {{"digit": 3}}.') from wrong
