"""What the columns of a table hold, found block by block.

What a `Profile` knows doesn't depend on where the blocks were cut, and it never holds more than `DISTINCT` values of a
column. `hourglass.data.column_types` says what follows from it.
"""

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.column_contents import DATES, Form, Found
from hourglass.data.moments import Tails
from hourglass.runtime.normaliser import LogCurve
from hourglass.runtime.schema import as_text

#: So many different values are told apart, as many as a category may have; of more only that they are more is known.
DISTINCT = 1_000

_SIGN, _UNIT = r"[-+]?", r"(?:[^\W\d_]{1,8}(?:[/·*^][\w²³]{1,8})*[²³]?|[%‰°$€£¥])"
_GROUPED = rf"{_SIGN}\d{{1,3}}(?:[,.'\u2019\s]\d{{3}})+(?:[.,]\d+)?"
_PLAIN = rf"{_SIGN}\d+(?:[.,]\d+)?"
#: A number with a unit, a currency or separators of thousands.
_DECORATED = rf"(?:[$€£¥]\s?)?(?:{_GROUPED}|{_PLAIN})\s?{_UNIT}?"
_FORMS = ("boolean", *DATES, "decorated")
_PATTERNS = (r"[Tt]rue|TRUE|[Ff]alse|FALSE", *DATES.values(), _DECORATED)
#: One group for each form, the first that fits counts.
_READ = re.compile("|".join(f"({pattern})" for pattern in _PATTERNS))


class Profile:
    """What the blocks of a column hold, in bounded memory.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = self.missing = self.infinite = 0
        self.is_binary = True
        self.counts: Counter[str] = Counter()
        self.first: dict[str, tuple[int, Any]] = {}
        self.texts: set[str] | None = set()
        self.numbers: NDArray[np.float64] | None = np.empty(0)
        self.tails = self.logs = Tails()

    def update(self, block: "pd.Series[Any]") -> None:
        """Take the next block."""
        if block.dtype == np.float64:
            self._update_floats(block.to_numpy())
            return
        there = block.notna().to_numpy()
        values = block[there]
        rows = self.rows + np.flatnonzero(there)
        self.rows += len(block)
        self.missing += len(block) - len(values)
        for part, which in _homogeneous(values):
            if len(part):
                self._take(part, rows[which])

    def merge(self, other: "Profile") -> "Profile":
        """Put a profile of the rows that follow after this one."""
        both = Profile(self.name)
        both.rows, both.missing = self.rows + other.rows, self.missing + other.missing
        both.infinite, both.is_binary = self.infinite + other.infinite, self.is_binary and other.is_binary
        both.counts = self.counts + other.counts
        both.first = {form: (self.rows + row, value) for form, (row, value) in other.first.items()} | self.first
        both.texts = None if self.texts is None or other.texts is None else self.texts | other.texts
        both.numbers = self.numbers
        both._remember(other.numbers)
        both.tails, both.logs = self.tails.merge(other.tails), self.logs.merge(other.logs)
        return both

    def found(self) -> Found:
        """Give what is known."""
        return Found(
            name=self.name,
            rows=self.rows,
            missing=self.missing,
            infinite=self.infinite,
            is_binary=self.is_binary,
            distinct=self._distinct(),
            is_constant=self.tails.is_constant,
            kurtosis=_kurtosis(self.tails),
            log_kurtosis=_kurtosis(self.logs),
            forms={form: Form(self.counts[form], *self._first(form)) for form in sorted(self.counts)},
        )

    def _first(self, form: str) -> tuple[int, str]:
        row, value = self.first[form]
        return row, type(value).__name__ if form == "other" else str(value)

    def _distinct(self) -> int | None:
        """Count different values, where a number and its text are one."""
        if self.texts is None or self.numbers is None:
            return None
        texts = as_text(pd.Series(self.numbers)) if self.texts else self.numbers
        count = len(self.texts.union(texts))
        return count if count <= DISTINCT else None

    def _update_floats(self, numbers: NDArray[np.float64]) -> None:
        """Take the usual block without a detour by pandas."""
        missing = np.isnan(numbers)
        there = numbers[~missing] if missing.any() else numbers
        if len(there):
            first = int((~missing).argmax())
            self._count("number", len(there), self.rows + first, numbers[first])
            self._measure(there)
            self._remember(there)
        self.rows += len(numbers)
        self.missing += len(numbers) - len(there)

    def _take(self, values: "pd.Series[Any]", rows: NDArray[np.int64]) -> None:
        """Take values of one kind."""
        kind = _kind(values)
        if kind in ("number", "boolean"):
            self._measure(values.to_numpy(np.float64))
        if kind == "number":
            self._remember(values.to_numpy(np.float64))
        if kind == "text":
            self._read(values, rows)
        else:
            self._count(kind, len(values), rows[0], values.iloc[0])
        if kind in ("text", "time", "boolean") and self.texts is not None:
            # no more than would be told apart are written
            self.texts.update(as_text(pd.Series(pd.unique(values))[: DISTINCT + 1]))
            self.texts = self.texts if len(self.texts) <= DISTINCT else None

    def _read(self, values: "pd.Series[Any]", rows: NDArray[np.int64]) -> None:
        """Take texts: each different one is looked at once."""
        codes, texts = pd.factorize(values.astype(object))
        forms, numbers = _forms(pd.Series(texts, dtype=object))
        counts = np.bincount(codes, minlength=len(texts))
        for form in dict.fromkeys(forms):
            places = np.flatnonzero(forms == form)
            first = int(np.isin(codes, places).argmax())
            self._count(form, int(counts[places].sum()), rows[first], values.iloc[first])
        every = numbers[codes]
        self._measure(every[~np.isnan(every)])

    def _count(self, form: str, count: int, row: int, value: Any) -> None:
        self.counts[form] += count
        if form not in self.first or row < self.first[form][0]:
            self.first[form] = (int(row), value)

    def _measure(self, numbers: NDArray[np.float64]) -> None:
        is_finite = np.isfinite(numbers)
        finite = numbers if is_finite.all() else numbers[is_finite]
        self.infinite += len(numbers) - len(finite)
        self.is_binary = self.is_binary and bool(((numbers == 0) | (numbers == 1)).all())
        self.tails = self.tails.merge(Tails.of(finite))
        self.logs = self.logs.merge(Tails.of(LogCurve()(finite)))

    def _remember(self, numbers: NDArray[np.float64] | None) -> None:
        if self.numbers is not None and numbers is not None:
            self.numbers = np.union1d(self.numbers, pd.unique(numbers))
        if numbers is None or (self.numbers is not None and len(self.numbers) > DISTINCT):
            self.numbers = None


def _kurtosis(tails: Tails) -> float | None:
    """Give it where there is one, to four digits: the last ones differ between machines, and snapshots must not."""
    return float(f"{tails.kurtosis:.4g}") if np.isfinite(tails.kurtosis) else None


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
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, int | float | np.number | Decimal):
        return "number"
    if isinstance(value, date | np.datetime64):
        return "time"
    return "text" if isinstance(value, str) else "other"


def _forms(texts: "pd.Series[Any]") -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Tell the form of each text, and the number that it is, if it is one."""
    forms = np.full(len(texts), "number", object)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    others = np.flatnonzero(np.isnan(numbers))
    forms[others] = [_form(text) for text in texts.iloc[others]]
    return forms, numbers


def _form(text: str) -> str:
    match = _READ.fullmatch(text.strip())
    return _FORMS[match.lastindex - 1] if match and match.lastindex else "text"
