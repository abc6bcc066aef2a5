"""What the columns of a table are, inferred from blocks of it, each answer with its reason.

A `Profile` is filled block by block; what it knows doesn't depend on where the blocks were cut, and it never holds more
than `DISTINCT` values of a column.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.moments import Moments
from hourglass.data.scaling import Scale
from hourglass.data.settings import ColumnSettings
from hourglass.errors import HourglassError
from hourglass.runtime.normaliser import LogCurve

ColumnType = Literal["number", "boolean", "category", "time"]

#: So many different values are told apart; of more only that they are more is known.
DISTINCT = 10_000
#: A category has at most so many values, and at most half as many as there are rows.
MAX_CATEGORIES = 1_000
#: A column of which at least this share is of one kind is of that kind, with mistakes in it.
_MOSTLY = 0.9
#: Decorated texts of at most so many values (sizes, dosages) are categories.
_FEW = 20
#: Tails heavier than this call for a logarithm where that leaves them lighter than `_LIGHT`; 3 is the normal's.
_HEAVY, _LIGHT = 100.0, 10.0

_BOOLEAN = re.compile(r"true|false", re.IGNORECASE)
_SIGN, _UNIT = r"[-+]?", r"[^\W\d_]{1,8}(?:[/·*^][\w²³]{1,8})*[²³]?|[%‰°$€£¥]"
_GROUPED = rf"{_SIGN}\d{{1,3}}(?:[,.'’\s]\d{{3}})+(?:[.,]\d+)?"
_PLAIN = rf"{_SIGN}\d+(?:[.,]\d+)?"
_DECORATED = re.compile(rf"(?:[$€£¥]\s?)?(?:{_GROUPED}|{_PLAIN})\s?(?:{_UNIT})?")
_DATES = {
    "year-month-day": re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"),
    "year/month/day": re.compile(r"\d{4}/\d{1,2}/\d{1,2}(?: .*)?"),
    "day/month/year or month/day/year": re.compile(r"\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})(?: .*)?"),
    "day.month.year": re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})(?: .*)?"),
    "day-month-year": re.compile(r"\d{1,2}-\d{1,2}-\d{4}(?: .*)?"),
    "a month's name": re.compile(r"(?:\w+ )?(?:\d{1,2}[ -])?[A-Za-z]{3,9}\.?[ -](?:\d{1,2},? )?\d{4}(?: .*)?"),
}
#: The one way of writing times that is read.
_ISO = "year-month-day"


@dataclass(frozen=True)
class ColumnFacts:
    """What was inferred of a column, and why.

    Parameters
    ----------
    name : str
    type : str
    why : str
        The reason, one clause.
    scale : str
        How its numbers are brought into the nets' units; "none" of categories and booleans.
    scale_why : str
    rows, missing : int
    distinct : int or None
        Different values; None: more than `DISTINCT`.
    """

    name: str
    type: ColumnType
    why: str
    scale: Scale
    scale_why: str
    rows: int
    missing: int
    distinct: int | None


class Profile:
    """What the blocks of a column hold, in bounded memory.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.infinite = 0
        #: how many entries are of each form: "number", "boolean", "time", "text", "decorated", a way to write dates, ...
        self.forms: Counter[str] = Counter()
        #: the first row, and its value, of each form
        self.first: dict[str, tuple[int, Any]] = {}
        self.values: set[str] | None = set()
        self.moments = Moments()
        self.logs = Moments()

    def update(self, block: "pd.Series[Any]") -> None:
        """Take the next block."""
        there = block.notna().to_numpy()
        values = block[there]
        rows = self.rows + np.flatnonzero(there)
        self.rows += len(block)
        self.missing += len(block) - len(values)
        for part, which in _homogeneous(values):
            self._take(part, rows[which])

    def merge(self, other: "Profile") -> "Profile":
        """Put a profile of the rows that follow after this one."""
        both = Profile(self.name)
        both.rows, both.missing = self.rows + other.rows, self.missing + other.missing
        both.infinite = self.infinite + other.infinite
        both.forms = self.forms + other.forms
        both.first = {form: (self.rows + row, value) for form, (row, value) in other.first.items()} | self.first
        both.values = None if self.values is None or other.values is None else self.values | other.values
        both._bound()
        both.moments, both.logs = self.moments.merge(other.moments), self.logs.merge(other.logs)
        return both

    def finish(self, settings: ColumnSettings | None = None, remedy: str = "") -> ColumnFacts:
        """Decide what the column is.

        Parameters
        ----------
        settings : ColumnSettings, optional
            What is set of the column; the rest is inferred.
        remedy : str
            What to do about a column that can't be used; else to ignore it.

        Raises
        ------
        HourglassError
            The column can't be used, or not as what it is set to be.
        """
        settings = settings or ColumnSettings()
        remedy = remedy or f"set data.columns: {{{self.name}: ignore}}"
        if self.rows == self.missing:
            raise HourglassError(f"column {self.name!r} is empty; fill it or {remedy}.")
        if "other" in self.forms:
            row, value = self.first["other"]
            raise HourglassError(
                f"column {self.name!r}, row {row}: holds a {type(value).__name__}; expected numbers, texts, booleans or "
                f"times; {remedy}."
            )
        if settings.type in ("auto", "ignore"):
            kind, why = self._inferred(remedy)
        else:
            kind, why = settings.type, "set in params.yaml"
            self._require(kind, remedy)
        scale, scale_why = self._scale(kind, settings)
        distinct = None if self.values is None else len(self.values)
        return ColumnFacts(self.name, kind, why, scale, scale_why, self.rows, self.missing, distinct)

    def _take(self, values: "pd.Series[Any]", rows: NDArray[np.int64]) -> None:
        """Take values of one kind."""
        if not len(values):
            return
        kind = _kind(values)
        if kind in ("number", "boolean"):
            self._measure(values.to_numpy(np.float64))
        if kind == "text":
            self._read(values, rows)
        else:
            self._count(kind, len(values), rows[0], values.iloc[0])
        if kind != "other" and self.values is not None:
            self.values.update(_texts(values))
            self._bound()

    def _read(self, values: "pd.Series[Any]", rows: NDArray[np.int64]) -> None:
        """Take texts: each different one is looked at once."""
        codes, texts = pd.factorize(values.astype(str))
        forms = _forms(pd.Series(texts, dtype=object))
        counts = np.bincount(codes, minlength=len(texts))
        for form in dict.fromkeys(forms):
            places = np.flatnonzero(forms == form)
            if form in self.first:
                first = 0
            else:
                first = int(np.isin(codes, places).argmax())
            self._count(form, int(counts[places].sum()), rows[first], values.iloc[first])
        numbers = pd.to_numeric(pd.Series(texts), errors="coerce").to_numpy(np.float64)[codes]
        self._measure(numbers[~np.isnan(numbers)])

    def _count(self, form: str, count: int, row: int, value: Any) -> None:
        self.forms[form] += count
        self.first.setdefault(form, (int(row), value))

    def _measure(self, numbers: NDArray[np.float64]) -> None:
        finite = numbers[np.isfinite(numbers)]
        self.infinite += len(numbers) - len(finite)
        self.moments = self.moments.merge(Moments.of(finite))
        self.logs = self.logs.merge(Moments.of(LogCurve()(finite)))

    def _bound(self) -> None:
        if self.values is not None and len(self.values) > DISTINCT:
            self.values = None

    def _share(self, *forms: str) -> float:
        return sum(self.forms[form] for form in forms) / (self.rows - self.missing)

    def _inferred(self, remedy: str) -> tuple[ColumnType, str]:
        dates = [form for form in self.forms if form in _DATES]
        numbers = self._share("number")
        if self._share("boolean") == 1:
            return "boolean", "all values are true or false"
        if self._share("number", "boolean") == 1:
            return "number", "all values are numbers"
        if numbers >= _MOSTLY:
            self._refuse_text(remedy)
        if self._share("time", *dates) >= _MOSTLY:
            self._require("time", remedy)
            return "time", "all values are times"
        if "decorated" in self.forms and self._share("number", "decorated") >= _MOSTLY and not self._has_at_most(_FEW):
            row, value = self.first["decorated"]
            raise HourglassError(
                f"column {self.name!r}, row {row}: {value!r} is a number with a unit or separators "
                f"({self._percent('decorated')} of the column are); write plain numbers such as 1234.5, or {remedy}."
            )
        if "text" in self.forms and 1 - _MOSTLY <= numbers and not self._has_at_most(self._most_categories):
            row, value = next((self.first[form] for form in ("text", "decorated") if form in self.first))
            raise HourglassError(
                f"column {self.name!r} holds numbers ({self._percent('number')}) and texts ({value!r} in row {row}); "
                f"expected one of them; mend the file or {remedy}."
            )
        self._require_few(remedy)
        return "category", f"texts, {len(self.values or ())} different"

    @property
    def _most_categories(self) -> float:
        return min(MAX_CATEGORIES, self.rows / 2)

    def _has_at_most(self, values: float) -> bool:
        return self.values is not None and len(self.values) <= values

    def _percent(self, form: str) -> str:
        return f"{100 * self._share(form):.0f} %"

    def _require(self, kind: ColumnType, remedy: str) -> None:
        """Refuse a column that isn't what it is set to be."""
        match kind:
            case "number":
                if "time" in self.forms:
                    raise HourglassError(f"column {self.name!r} holds times; set its type to time, or {remedy}.")
                if self._share("number", "boolean") < 1:
                    self._refuse_text(remedy)
            case "boolean":
                self._require_booleans(remedy)
            case "time":
                self._require_times(remedy)
            case "category":
                self._require_few(remedy)

    def _refuse_text(self, remedy: str) -> None:
        bad = self._first_but("number", "boolean")
        count = sum(self.forms[form] for form in self.forms if form not in ("number", "boolean"))
        raise HourglassError(
            f"column {self.name!r}, row {bad[0]}: {bad[1]!r} is no number, but the column holds numbers ({count} such of "
            f"{self.rows}); mend the file, set data.columns: {{{self.name}: category}} or {remedy}."
        )

    def _require_booleans(self, remedy: str) -> None:
        words = {"0", "1", "true", "false", "True", "False", "TRUE", "FALSE"}
        strange = sorted((self.values or {"?"}) - words)
        if self.values is None or strange:
            raise HourglassError(
                f"column {self.name!r} is set to boolean and holds {strange[0]!r}; expected true, false, 0 and 1; mend "
                f"the file or {remedy}."
            )

    def _require_times(self, remedy: str) -> None:
        written = [form for form in _DATES if form in self.forms]
        if len(written) > 1:
            examples = ", ".join(f"{self.first[form][1]!r} in row {self.first[form][0]}" for form in written)
            raise HourglassError(
                f"column {self.name!r} writes dates in {len(written)} ways ({examples}); write all as 2024-01-31 or "
                f"2024-01-31 13:00:00, or {remedy}."
            )
        if written and written != [_ISO]:
            row, value = self.first[written[0]]
            raise HourglassError(
                f"column {self.name!r}, row {row}: {value!r} is a date written as {written[0]}; write 2024-01-31 or "
                f"2024-01-31 13:00:00, or {remedy}."
            )
        if self._share("time", _ISO) < 1:
            row, value = self._first_but("time", _ISO)
            raise HourglassError(
                f"column {self.name!r}, row {row}: {value!r} is no time; expected times such as 2024-01-31 13:00:00 in "
                f"all rows; mend the file or {remedy}."
            )

    def _require_few(self, remedy: str) -> None:
        if not self._has_at_most(self._most_categories):
            found = f"more than {DISTINCT:,}" if self.values is None else f"{len(self.values):,}"
            raise HourglassError(
                f"column {self.name!r} has {found} different texts in {self.rows:,} rows; those are no categories; "
                f"{remedy}."
            )

    def _first_but(self, *forms: str) -> tuple[int, Any]:
        return min((at for form, at in self.first.items() if form not in forms), key=lambda at: at[0])

    def _scale(self, kind: ColumnType, settings: ColumnSettings) -> tuple[Scale, str]:
        if kind in ("category", "boolean"):
            return "none", "0 and 1 stay as they are"
        if settings.scale != "auto":
            return settings.scale, "set in params.yaml"
        if kind == "time":
            return "standard", "times are spread without heavy tails"
        if self.moments.low == self.moments.high:
            return "standard", "constant: it is only moved to 0"
        tails, after = self.moments.kurtosis, self.logs.kurtosis
        if not tails <= _HEAVY and after <= _LIGHT:
            return "log", f"a few values are far from the rest: kurtosis {tails:.3g}, {after:.3g} after the logarithm"
        return "standard", f"kurtosis {tails:.3g}: no logarithm is called for"


def _homogeneous(values: "pd.Series[Any]") -> "list[tuple[pd.Series[Any], NDArray[np.intp]]]":
    """Part values of any Python type by their kind; others are of one kind as they are."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    everything = np.arange(len(values))
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=False) in ("string", "boolean", "datetime"):
        return [(values, everything)]
    kinds = values.map(_kind_of_value).to_numpy(object)
    return [(values[kinds == kind], everything[kinds == kind]) for kind in sorted(set(kinds))]


def _kind(values: "pd.Series[Any]") -> str:
    if values.dtype == object:
        return _kind_of_value(values.iloc[0])
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_numeric_dtype(values) and values.dtype.kind != "c":
        return "number"
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return "time"
    return "text" if pd.api.types.is_string_dtype(values) else "other"


def _kind_of_value(value: Any) -> str:
    from datetime import date
    from decimal import Decimal

    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, int | float | np.number | Decimal):
        return "number"
    if isinstance(value, date | np.datetime64):
        return "time"
    return "text" if isinstance(value, str) else "other"


def _texts(values: "pd.Series[Any]") -> list[str]:
    """Write the different values as text, no more of them than would be told apart."""
    from hourglass.runtime.schema import as_text

    different = pd.Series(pd.unique(values))[: DISTINCT + 1]
    return as_text(different).to_list()


def _forms(texts: "pd.Series[Any]") -> NDArray[np.object_]:
    """Tell the form of each text."""
    forms = np.full(len(texts), "text", object)
    stripped = texts.str.strip()
    for form, pattern in (("decorated", _DECORATED), *_DATES.items(), ("boolean", _BOOLEAN)):
        forms[stripped.str.fullmatch(pattern).to_numpy(bool)] = form
    forms[pd.to_numeric(texts, errors="coerce").notna().to_numpy()] = "number"
    return forms
