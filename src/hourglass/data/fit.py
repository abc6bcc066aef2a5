"""Whether new data fits a snapshot: held against the snapshot's schema, with nothing of its rows at hand."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from hourglass.data import schemas
from hourglass.data.labels import Labels
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.params import DataParams
from hourglass.runtime.schema import as_text
from hourglass.runtime.table import Column

_PLURAL = {"number": "numbers", "boolean": "true and false", "time": "times"}
#: How many unknown values of a column are named.
_NAMED = 5


def check(blocks: Iterable[Raw], facts: schemas.Facts, data: DataParams) -> list[str]:
    """Hold new rows against what a snapshot's schema says.

    Parameters
    ----------
    blocks : iterable of Raw
    facts : dict
        As `schemas.survey` gives them.
    data : DataParams

    Returns
    -------
    list of str
        What doesn't speak against the rows, and should be known: a sentence for each column with new categories.

    Raises
    ------
    HourglassError
        Rows are of another form, a column is missing, new or of another type, a label is missing, or more rows than
        ``data.max_invalid`` allows have a category that the schema doesn't know.
    """
    unknown = {one["name"]: _Unknown(one["values"]) for one in facts["columns"] if one.get("values")}
    unknown.pop(data.label, None)
    rows = 0
    for block in blocks:
        _require_form(schemas.form(block), {key: facts[key] for key in facts if key != "columns"})
        _require_columns(block, facts, rows)
        Labels.of(block, data, rows)
        for name, column in unknown.items():
            column.update(as_text(block.side[name]))
        rows += len(block.side)
    return [column.sentence(name, rows, data.max_invalid) for name, column in unknown.items() if column.rows]


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


def _require_form(found: schemas.Facts, expected: schemas.Facts) -> None:
    here, there = _named(found), _named(expected)
    for key in there | here:
        if here.get(key) != there.get(key):
            raise HourglassError(
                f"{key} is {here.get(key, 'missing')}; expected {there.get(key, 'none')}, as in data/."
            )


def _named(form: schemas.Facts) -> dict[str, str]:
    """Put what must be equal into words."""
    named = {"the kind of data": form["kind"]}
    if "shape" in form:
        named |= {"the shape of a row": str(tuple(form["shape"])), "the type": form["dtype"]}
    arrays = form.get("arrays", {}).items()
    return named | {f"the shape of a row of {name!r}": str(tuple(array["shape"])) for name, array in arrays}


def _require_columns(block: Raw, facts: schemas.Facts, first_row: int) -> None:
    """Refuse what the snapshot can't hold, and what would change the hashes, and so the splits, of its rows."""
    expected = {one["name"]: one for one in facts["columns"]}
    for name in sorted(expected.keys() ^ set(map(str, block.side.columns))):
        problem = "is missing" if name in expected else "is not in data/"
        raise HourglassError(f"column {name!r} {problem}; expected the columns of the snapshot: {', '.join(expected)}.")
    for name, one in expected.items():
        values = block.side[name]
        if one["type"] in _PLURAL:
            numbers = Column(name, one["type"]).read(values)
            bad = np.flatnonzero(values.notna() & np.isnan(numbers))
            if len(bad):
                raise HourglassError(
                    f"column {name!r} holds {values.iloc[bad[0]]!r} in row {first_row + bad[0]}; expected "
                    f"{_PLURAL[one['type']]}, as in data/."
                )
