"""Inferring what a row is, once, from the raw data; ``schema.json`` of a snapshot holds what was found.

Facts about a snapshot are JSON: its ``kind``, every column with its ``type``, ``why`` and, of a category, its
``values``; of arrays also the ``shape`` and ``dtype`` of a row, and those of the ``arrays`` beside.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data import split
from hourglass.data.labels import Labels
from hourglass.data.profile import MAX_CATEGORIES, Profile
from hourglass.data.sources import Raw, audio
from hourglass.data.sources.array import kind_of
from hourglass.errors import HourglassError
from hourglass.params import SPLITS, DataParams, SplitParams
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.schema import Schema, as_text
from hourglass.runtime.table import Column, TableSchema

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
            profiles.setdefault(str(name), Profile()).update(block.side[name])
    facts["columns"] = [{"name": name} | profile.facts() for name, profile in profiles.items()]
    seen = set(data.condition) if facts["kind"] != "table" else {one["name"] for one in facts["columns"]}
    unlearnt = [one["name"] for one in facts["columns"] if one["type"] == "category" and one["name"] in seen]
    told = [data.label] if data.label is not None and data.label in profiles else []
    values = learn(list(dict.fromkeys(unlearnt + told)), blocks, data, splitting)
    for one in facts["columns"]:
        if values.get(one["name"]) is not None:
            one["values"] = values[one["name"]]
    return facts


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


def settle(facts: Facts, blocks: Blocks, data: DataParams, splitting: SplitParams) -> tuple[Schema, Schema | None]:
    """Say what a row is, and what ``data.condition`` is, from facts and settings.

    Categories that the facts don't hold, for a setting makes them ones, are learnt now.

    Raises
    ------
    HourglassError
        A column is neither numbers nor categories, or can't be a condition.
    """
    block = next(iter(blocks()))
    seen = list(features(block, data, splitting.column).columns) if block.kind == "table" else []
    told = _told(facts, data)
    columns = {one["name"]: one for one in facts["columns"]}
    declared: dict[str, Any] = dict(data.columns)
    if data.label in told:
        declared[str(data.label)] = "category"
    unlearnt = [
        name
        for name in dict.fromkeys([*map(str, seen), *told])
        if name in columns and declared.get(name) == "category" and "values" not in columns[name]
    ]
    learnt = learn(unlearnt, blocks, data, splitting)
    for name, values in learnt.items():
        columns[name] = columns[name] | ({} if values is None else {"values": values})

    def column(name: str, remedy: str) -> Column:
        return _column(columns[name], declared.get(name), remedy)

    if facts["kind"] == "table":
        schema: Schema = TableSchema(tuple(column(str(name), f"set data.columns: {{{name}: ignore}}") for name in seen))
    elif facts["kind"] == "audio":
        schema = audio.schema_of(data)
    else:
        schema = ArraySchema(facts["kind"], tuple(facts["shape"]))
    if not told:
        return schema, None
    if told[0] in facts.get("arrays", {}):
        return schema, _array(told[0], facts["arrays"][told[0]])
    for name in told:
        block.column(name, "data.condition")
    return schema, TableSchema(tuple(column(name, "take it out of data.condition") for name in told))


def _told(facts: Facts, data: DataParams) -> list[str]:
    """Name what ``data.condition`` names, and refuse what can't be named together."""
    names = list(dict.fromkeys(data.condition))
    if data.label in names and len(names) > 1:
        raise HourglassError(
            f"params.yaml: data.condition names the label {data.label!r} and other columns; rows to judge bring "
            "those and never their label, so name one kind or the other."
        )
    arrays = sorted(facts.get("arrays", {}).keys() & set(names))
    if arrays and len(names) > 1:
        raise HourglassError(
            f"params.yaml: data.condition names the array {arrays[0]!r}, which can only be named alone, and others."
        )
    return names


def known_rows(raw: Raw, params: DataParams) -> Any:
    """Give what holds the columns of ``data.condition``, or the array."""
    return next((raw.arrays[name] for name in params.condition if name in raw.arrays), raw.side)


def _array(name: str, form: Facts) -> ArraySchema:
    values = np.empty((0, *form["shape"]), form["dtype"])
    if values.dtype.kind not in "buif":
        raise HourglassError(f"array {name!r} is of type {values.dtype}; expected numbers.")
    return ArraySchema(kind_of(values), tuple(form["shape"]), name)


def _column(facts: Facts, declared: str | None, remedy: str) -> Column:
    name, kind = facts["name"], declared or facts["type"]
    if facts["type"] == "empty":
        raise HourglassError(f"column {name!r} is empty; fill it or {remedy}.")
    if facts["type"] == "time":
        raise HourglassError(f"column {name!r} holds times; {remedy}, or split by it.")
    if kind == "category":
        if "values" not in facts:
            raise HourglassError(
                f"column {name!r} has {facts['distinct']} different texts in {facts['rows']} rows, too many for the "
                f"normal training rows to learn; those are no categories; {remedy}."
            )
        return Column(name, "category", tuple(facts["values"]))
    if facts.get("text") is not None:
        row, value, count = facts["text"]
        raise HourglassError(
            f"column {name!r}, row {row}: {value!r} is no number, but the column holds numbers ({count} such of "
            f"{facts['rows']}); mend the file or set data.columns: {{{name}: category}}."
        )
    return Column(name, "number")
