"""What a row is, from facts about the raw data and from settings."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from hourglass.data.column_contents import Found
from hourglass.data.column_types import Decision, column, decide
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ColumnSettings
from hourglass.data.sources import Raw, audio, require_column, signal
from hourglass.data.sources.packed import form_of
from hourglass.data.surveying import Blocks, Facts, kept, learn, too_many
from hourglass.errors import HourglassError
from hourglass.runtime.array import ArraySchema, is_pictures, kind_of
from hourglass.runtime.images import AS_IS
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import Column, TableSchema


def unusable(facts: Facts, data: DataParams, split_column: str | None) -> list[str]:
    """Say of every column of a table that a model would see and can't why so, and what to do: a sentence each."""
    if facts["kind"] != "table":
        return []
    seen = kept([one["name"] for one in facts["columns"]], data, split_column)
    inferred = [one for one in facts["columns"] if one["name"] in seen and _settings(one, data).type == "auto"]
    return [one["why"] for one in inferred if one["type"] is None]


def lacking(facts: Facts, data: DataParams, split_column: str | None) -> list[str]:
    """Say of every column of a table that would have too many rows dropped for its gaps, and what to do."""
    if facts["kind"] != "table":
        return []
    seen = kept([one["name"] for one in facts["columns"]], data, split_column)
    sparse = [one for one in facts["columns"] if one["name"] in seen and one["type"] and _is_sparse(one, data)]
    return [
        f"column {one['name']!r} has no value in {one['missing']} of {one['rows']} rows, more than the share "
        f"data.max_invalid = {data.max_invalid:g} allows; set data.columns: {{{one['name']}: {{impute: "
        f"{'indicator' if one['type'] == 'category' else 'median'}}}}} or {{{one['name']}: ignore}}."
        for one in sparse
    ]


def _is_sparse(one: Facts, data: DataParams) -> bool:
    return _settings(one, data).impute == "none" and one["missing"] > data.max_invalid * one["rows"]


def _settings(one: Facts, data: DataParams) -> ColumnSettings:
    return data.columns.get(one["name"], ColumnSettings())


def require_modelled(facts: Facts, data: DataParams, split_column: str | None) -> None:
    """Refuse what no setting of columns mends: a condition that can't be told, a table without a column to model.

    Raises
    ------
    HourglassError
        The message names the column and what to do.
    """
    told = _told(facts, data)
    columns = _Columns(facts, data, told)
    columns.decide([], told)
    columns.learn(dict.fromkeys)
    problems = unusable(facts, data, split_column)
    if facts["kind"] == "table" and len(problems) == len(kept([*columns.facts], data, split_column)):
        raise HourglassError(problems[0])


def of_columns(data: DataParams, names: Collection[str]) -> DataParams:
    """Leave settings of other columns than these out."""
    return data.model_copy(update={"columns": {name: one for name, one in data.columns.items() if name in names}})


def settle(facts: Facts, blocks: Blocks, data: DataParams, splitting: SplitParams) -> tuple[Schema, Schema | None]:
    """Say what a row is, and what ``data.condition`` is, from facts and settings.

    Categories that the facts don't hold, for a setting makes them ones, are learnt now.

    Raises
    ------
    HourglassError
        A column is neither numbers nor categories, or can't be a condition.
    """
    told = _told(facts, data)
    names = [one["name"] for one in facts["columns"]]
    for name in told:
        if name not in facts.get("arrays", {}):
            require_column(name, names, "data.condition")
    seen = kept(names, data, splitting.column) if facts["kind"] == "table" else []
    tables = _Columns(facts, data, told)
    tables.decide(seen, told)
    tables.learn(lambda names: learn(names, blocks, data, splitting))
    return _of_rows(facts, data, tables, seen), _of_condition(facts, data, tables, told) if told else None


def _of_rows(facts: Facts, data: DataParams, tables: "_Columns", seen: list[str]) -> Schema:
    kind = facts["kind"]
    if kind == "table":
        return TableSchema(tuple(tables.column(name) for name in seen))
    if kind == "audio":
        return audio.schema_of(data)
    if kind == "signal":
        return signal.schema_of(data)
    if kind == "image":
        _require_form(facts["shape"], data)
    return ArraySchema(kind, tuple(facts["shape"]), form=form_of(data.image) if kind == "image" else AS_IS)


def _of_condition(facts: Facts, data: DataParams, tables: "_Columns", told: list[str]) -> Schema:
    """Say what is known of a row: an array beside it, channels, or columns."""
    name, arrays = told[0], facts.get("arrays", {})
    if name not in arrays:
        return TableSchema(tuple(tables.column(name) for name in told))
    if facts["kind"] == "signal":
        return signal.told_of(data)
    return _array(name, arrays[name], facts["kind"] == "image", data)


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


def _require_form(shape: list[int], data: DataParams) -> None:
    """Refuse pictures that were surveyed in another form than is asked for now."""
    height, width, channels = [*shape, 1][:3]
    wanted = (*(data.image.size or (height, width)), data.image.channels or channels)
    if wanted != (height, width, channels):
        raise HourglassError(
            f"params.yaml: data.image asks for pictures of {wanted[1]} x {wanted[0]} with {wanted[2]} channel(s), and "
            f"the snapshot was made with {width} x {height} and {channels}; run `hourglass data SOURCE` again."
        )


def _array(name: str, form: Facts, with_images: bool, data: DataParams) -> ArraySchema:
    values = np.empty((0, *form["shape"]), form["dtype"])
    if values.dtype.kind not in "buif":
        raise HourglassError(f"array {name!r} is of type {values.dtype}; expected numbers.")
    if not with_images or not is_pictures(values):
        return ArraySchema(kind_of(values), tuple(form["shape"]), name)
    return ArraySchema(
        "image", tuple(form["shape"]), name, form_of(data.image), data.derive if name == data.derive else None
    )


class _Columns:
    """The columns of a table, as facts and settings have them."""

    def __init__(self, facts: Facts, data: DataParams, told: list[str]) -> None:
        self.facts = {one["name"]: one for one in facts["columns"]}
        self.data, self.told = data, told
        self.decisions: dict[str, Decision] = {}
        self.values = {name: tuple(one["values"]) for name, one in self.facts.items() if "values" in one}

    def decide(self, seen: list[str], told: list[str]) -> None:
        """Decide what the columns of a row are, and those that are told of it."""
        for name in dict.fromkeys([*seen, *told]):
            if name in self.facts:
                self.decisions[name] = decide(
                    self._found(name), self._settings(name), normalise=self.data.normalise, remedy=self._remedy(name)
                )

    def learn(self, learn: Callable[[list[str]], dict[str, list[str] | None]]) -> None:
        """Learn the values of categories that the facts don't hold."""
        categories = [name for name, decision in self.decisions.items() if decision.type == "category"]
        for name, values in learn([name for name in categories if name not in self.values]).items():
            if values is None:
                raise HourglassError(too_many(name, self._remedy(name)))
            self.values[name] = tuple(values)
        for name in categories:
            if not self.values[name]:
                raise HourglassError(
                    f"column {name!r} is a category, and no normal training row has a value in it; fill it or "
                    f"{self._remedy(name)}."
                )

    def column(self, name: str) -> Column:
        """Give a column that was decided."""
        return column(self.decisions[name], self._found(name), self.values.get(name, ()), self._settings(name))

    def _found(self, name: str) -> Found:
        return Found.from_config(self.facts[name])

    def _settings(self, name: str) -> ColumnSettings:
        settings = self.data.columns.get(name, ColumnSettings())
        if name not in self.told:
            return settings
        return replace(settings, type="category" if name == self.data.label else _unless_ignored(settings.type))

    def _remedy(self, name: str) -> str:
        return "take it out of data.condition" if name in self.told else f"set data.columns: {{{name}: ignore}}"


def _unless_ignored(kind: Any) -> Any:
    return "auto" if kind == "ignore" else kind
