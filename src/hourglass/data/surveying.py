"""Finding out what raw data holds, once: the facts that a schema is settled from, in ``schema.json`` of a snapshot.

Facts about a snapshot are JSON: its ``kind``, every column with what it holds (`Found`), its ``type`` and ``scale``
with their reasons and, of a category, its ``values``; of arrays also the ``shape`` and ``dtype`` of a row, and those of
the ``arrays`` beside.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data import split
from hourglass.data.column_types import MAX_CATEGORIES, inferred
from hourglass.data.columns import Profile
from hourglass.data.labels import Labels
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.sources import Raw, require_column
from hourglass.errors import HourglassError
from hourglass.runtime.schema import as_text

Facts = dict[str, Any]
#: Reads a snapshot from its start.
Blocks = Callable[[], Iterable[Raw]]


def survey(blocks: Blocks, data: DataParams, splitting: SplitParams) -> Facts:
    """Find out what a snapshot holds, and which categories its normal training rows have.

    Raises
    ------
    HourglassError
        Labels or the column that decides the split are missing or unreadable, or blocks have rows of different forms.
    """
    facts: Facts = {}
    profiles: dict[str, Profile] = {}
    for block in blocks():
        found = form(block)
        if facts and facts != found:
            raise HourglassError(f"rows have different forms, {facts} and {found}; expected one.")
        facts = found
        for name in block.side.columns:
            profiles.setdefault(str(name), Profile(str(name))).update(block.side[name])
    remedy = "" if facts["kind"] == "table" else "it is only carried along"
    facts["columns"] = [inferred(profile.found(), remedy) for profile in profiles.values()]
    seen = set(data.condition) if facts["kind"] != "table" else profiles.keys()
    unlearnt = [one["name"] for one in facts["columns"] if one["type"] == "category" and one["name"] in seen]
    told = [data.label] if data.label is not None and data.label in profiles else []
    values = learn(list(dict.fromkeys(unlearnt + told)), blocks, data, splitting)
    for one in facts["columns"]:
        if values.get(one["name"]) is not None:
            one["values"] = values[one["name"]]
        elif one["name"] in unlearnt:
            set_it = f"set data.columns: {{{one['name']}: ignore}}"
            one |= {"type": None, "why": too_many(one["name"], remedy or set_it)}
    return facts


def too_many(name: str, remedy: str) -> str:
    """Say that a column of texts can't be a category."""
    return (
        f"column {name!r} has too many different texts for the normal training rows to learn; those are no categories; "
        f"{remedy}."
    )


def learn(names: list[str], blocks: Blocks, data: DataParams, splitting: SplitParams) -> dict[str, list[str] | None]:
    """Learn the categories of columns from normal training rows alone; None: there are too many for categories."""
    if not names:
        return {}
    found: dict[str, set[str]] = {name: set() for name in names}
    fitted_rows = 0
    for block, fitted in _fitted(blocks, data, splitting):
        fitted_rows += int(fitted.sum())
        for name in names:
            if len(found[name]) <= MAX_CATEGORIES:
                found[name] |= set(as_text(block.side.loc[fitted, name]).dropna().unique())
    most = min(MAX_CATEGORIES, fitted_rows / 2)
    return {name: sorted(values) if len(values) <= most else None for name, values in found.items()}


def _fitted(blocks: Blocks, data: DataParams, splitting: SplitParams) -> Iterator[tuple[Raw, NDArray[np.bool_]]]:
    """Give every block, and which of its rows are normal and in train."""
    rule = split.Rule.of(blocks(), splitting)
    first_row = 0
    for block in blocks():
        labels = Labels.of(block, data, first_row)
        hashes = split.row_hashes(features(block, data, splitting.column), splitting.salt)
        splits = rule.assign(block, hashes, labels.is_anomaly, first_row)
        yield block, (splits == SPLITS.index("train")) & ~labels.is_anomaly
        first_row += len(block.side)


def form(block: Raw) -> Facts:
    """Tell what rows of all blocks have in common."""
    if block.kind in ("table", "audio"):  # the shape of a piece of sound is a setting
        return {"kind": block.kind}
    if block.kind == "signal":  # and so is the length of a window
        told = {name: {"shape": [array.shape[2]], "dtype": str(array.dtype)} for name, array in block.arrays.items()}
        return {"kind": block.kind, "channels": block.rows.shape[2]} | ({"arrays": told} if told else {})
    arrays = {name: _shape(array) for name, array in sorted(block.arrays.items())}
    return {"kind": block.kind, "arrays": arrays} | _shape(block.rows)


def _shape(array: NDArray[Any]) -> Facts:
    return {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}


def features(raw: Raw, params: DataParams, split_column: str | None) -> Any:
    """Give what a model may see: no label, no column that decides the split, nothing ignored.

    Raises
    ------
    HourglassError
        ``data.columns`` names a column that isn't there, or no column is left.
    """
    if raw.kind != "table":
        return raw.rows
    names = kept(raw.rows.columns.tolist(), params, split_column)
    return raw.rows if len(names) == len(raw.rows.columns) else raw.rows[names]


def kept(names: list[str], params: DataParams, split_column: str | None) -> list[str]:
    """Give the columns of a table that a model may see; see `features`."""
    for name in params.columns:
        require_column(name, names, "data.columns")
    ignored = {name for name, use in params.columns.items() if use.type == "ignore"}
    dropped = {params.label, split_column, *params.condition} | ignored
    left = [name for name in names if name not in dropped]
    if not left:
        raise HourglassError(
            "no column is left to model; see data.label, data.columns and split.column in params.yaml."
        )
    return left
