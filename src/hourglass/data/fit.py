"""Whether new data fits a snapshot: held against the snapshot's schema, with nothing of its rows at hand."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data import split, surveying
from hourglass.data.labels import Labels
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ColumnSettings
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime.schema import as_text
from hourglass.runtime.table import Column

_PLURAL = {"number": "numbers", "boolean": "true and false", "time": "times"}
#: How many unknown values of a column are named.
_NAMED = 5
#: The square of a larger number overflows.
LARGEST = 1e150


def check(blocks: Iterable[Raw], facts: surveying.Facts, data: DataParams, splitting: SplitParams) -> list[str]:
    """Hold new rows against what a snapshot's schema says.

    Parameters
    ----------
    blocks : iterable of Raw
    facts : dict
        As `surveying.survey` gives them.
    data : DataParams
    splitting : SplitParams

    Returns
    -------
    list of str
        What doesn't speak against the rows, and should be known: a sentence for each column with new categories.

    Raises
    ------
    HourglassError
        Rows are of another form, a column is missing, new or of another type, a label or what decides the split can't
        be read, a number is too large, or more rows than ``data.max_invalid`` allows lack a value or have a category
        that the schema doesn't know.
    """
    columns = _seen(facts, data, splitting)
    unknown = {name: _Unknown(one.values) for name, one in columns.items() if one.type == "category" and one.values}
    rows = unjudged = 0
    for block in blocks:
        _require_form(surveying.form(block), {key: facts[key] for key in facts if key != "columns"})
        _require_columns(block, facts, data, rows)
        split.require_placed(block, splitting, rows)
        Labels.of(block, data, rows)
        require_measurable(block, columns, rows)
        unjudged += int(missing(block, columns, data).sum())
        for name, column in unknown.items():
            column.update(as_text(block.side[name]))
        rows += len(block.rows)
    require_few_missing(unjudged, rows, data.max_invalid)
    return [column.sentence(name, rows, data.max_invalid) for name, column in unknown.items() if column.rows]


def require_few_missing(missing: int, rows: int, allowed: float, worst: str = "") -> None:
    """Refuse rows of which more than a share have a missing or infinite value."""
    if missing > allowed * rows:
        raise HourglassError(
            f"{missing} of {rows} rows have a missing or infinite value{worst}, more than the share data.max_invalid = "
            f"{allowed:g} allows; fill them, set data.columns: {{NAME: ignore}} or raise data.max_invalid."
        )


def _seen(facts: surveying.Facts, data: DataParams, splitting: SplitParams) -> dict[str, Column]:
    """Give the columns that a model sees or is told, as facts and settings have them."""
    names = [one["name"] for one in facts["columns"]] if facts["kind"] == "table" else data.condition
    ignored = {name for name, use in data.columns.items() if use.type == "ignore"}
    names = [name for name in names if name not in {data.label, splitting.column} | ignored or name in data.condition]
    return {
        one["name"]: Column(
            one["name"],
            _type(one, data),
            tuple(one.get("values", ())),
            impute=data.columns.get(one["name"], ColumnSettings()).impute,
        )
        for one in facts["columns"]
        if one["name"] in names and one["name"] != data.label and _type(one, data) is not None
    }


def _type(one: surveying.Facts, data: DataParams) -> Any:
    """Tell the type that a column is set to, else the one that it was taken for."""
    kind = data.columns.get(one["name"], ColumnSettings()).type
    return one["type"] if kind in ("auto", "ignore") else kind


def missing(block: Raw, columns: dict[str, Column], data: DataParams) -> NDArray[np.bool_]:
    """Tell which rows lack a value that nothing is imputed for, or have an infinite one."""
    found = np.zeros(len(block.rows), bool)
    for name, column in columns.items():
        values = block.side[name]
        absent = values.isna().to_numpy()
        there = absent if column.type == "category" else ~np.isfinite(column.read(values))
        found |= there if column.impute == "none" else there & ~absent
    arrays = [block.rows] if block.kind != "table" else []
    for array in [*arrays, *(block.arrays[name] for name in data.condition if name in block.arrays)]:
        if array.dtype.kind == "f":
            found |= ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    return found


def require_measurable(block: Raw, columns: dict[str, Column], first_row: int) -> None:
    """Refuse numbers that have no variance; the message names the first."""
    for name, column in columns.items():
        if column.type == "number":
            numbers = column.read(block.side[name])
            huge = np.flatnonzero(np.isfinite(numbers) & (np.abs(numbers) > LARGEST))
            if len(huge):
                raise HourglassError(
                    f"column {name!r} holds {numbers[huge[0]]:.3g} in row {first_row + huge[0]}, and numbers beyond "
                    f"{LARGEST:g} have no variance; is it a mark for a missing value? Mend the file or set "
                    f"data.columns: {{{name}: ignore}}."
                )


class _Unknown:
    """Counts values of a column that its schema doesn't know."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = set(values)
        self.rows, self.found = 0, set[str]()

    def update(self, values: Any) -> None:
        new = values[values.notna() & ~values.isin(self.values)]
        self.rows += len(new)
        if len(self.found) <= _NAMED:
            self.found |= set(new.unique()[: _NAMED + 1])

    def sentence(self, name: str, rows: int, allowed: float) -> str:
        named = ", ".join(repr(value) for value in sorted(self.found)[:_NAMED]) + ", ..." * (len(self.found) > _NAMED)
        said = f"column {name!r} has values that the schema doesn't know ({named}) in {self.rows:,} of {rows:,} rows"
        if self.rows > allowed * rows:
            raise HourglassError(
                f"{said}, more than the share data.max_invalid = {allowed:g} allows; make the snapshot anew with "
                f"`hourglass data`, or set data.columns: {{{name}: ignore}}."
            )
        return f"{said}; those rows can't be judged and are left out."


def _require_form(found: surveying.Facts, expected: surveying.Facts) -> None:
    here, there = _named(found), _named(expected)
    for key in there | here:
        if here.get(key) != there.get(key):
            raise HourglassError(
                f"{key} is {here.get(key, 'missing')}; expected {there.get(key, 'none')}, as in data/."
            )


def _named(form: surveying.Facts) -> dict[str, str]:
    """Put what must be equal into words."""
    named = {"the kind of data": form["kind"]}
    if "shape" in form:
        named |= {"the shape of a row": str(tuple(form["shape"])), "the type": form["dtype"]}
    arrays = form.get("arrays", {}).items()
    return named | {f"the shape of a row of {name!r}": str(tuple(array["shape"])) for name, array in arrays}


def _require_columns(block: Raw, facts: surveying.Facts, data: DataParams, first_row: int) -> None:
    """Refuse what the snapshot can't hold, and what would change the hashes, and so the splits, of its rows."""
    ignored = {name for name, use in data.columns.items() if use.type == "ignore"}
    expected = {one["name"]: one for one in facts["columns"]}
    for name in sorted(expected.keys() ^ set(map(str, block.side.columns))):
        problem = "is missing" if name in expected else "is not in data/"
        raise HourglassError(f"column {name!r} {problem}; expected the columns of the snapshot: {', '.join(expected)}.")
    for name, one in expected.items():
        values, kind = block.side[name], _type(one, data)
        if kind in _PLURAL and name not in ignored:
            numbers = Column(name, kind).read(values)
            bad = np.flatnonzero(values.notna() & np.isnan(numbers))
            if len(bad):
                raise HourglassError(
                    f"column {name!r} holds {values.iloc[bad[0]]!r} in row {first_row + bad[0]}; expected "
                    f"{_PLURAL[kind]}, as in data/."
                )
