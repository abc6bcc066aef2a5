"""What the entries of a column look like, counted by their form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

#: Ways to write dates, as regular expressions without groups.
DATES = {
    "year-month-day": r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
    "year/month/day": r"\d{4}/\d{1,2}/\d{1,2}(?: .*)?",
    "day/month/year or month/day/year": r"\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})(?: .*)?",
    "day.month.year": r"\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})(?: .*)?",
    "day-month-year": r"\d{1,2}-\d{1,2}-\d{4}(?: .*)?",
    "a month's name": r"(?:\w+ )?(?:\d{1,2}[ -])?[A-Za-z]{3,9}\.?[ -](?:\d{1,2},? )?\d{4}(?: .*)?",
}


@dataclass(frozen=True)
class Form:
    """How many entries of a column have a form, and the first of them.

    Parameters
    ----------
    count, row : int
    value : str
    """

    count: int
    row: int
    value: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a column holds.

    Parameters
    ----------
    name : str
    rows, missing, infinite : int
    is_binary : bool
        Whether all its numbers are 0 and 1.
    distinct : int or None
        Different values; None: more than are told apart.
    is_constant : bool
        Whether all its numbers are the same.
    kurtosis, log_kurtosis : float or None
        Of its numbers, and of their signed logarithms; None where they have none.
    forms : mapping of str to Form
        ``number``, ``boolean``, ``time``, ``text``, ``decorated`` (a number with a unit or separators), ``other`` (what
        no table should hold) and the keys of `DATES`.
    """

    name: str
    rows: int
    missing: int
    infinite: int
    is_binary: bool
    distinct: int | None
    is_constant: bool
    kurtosis: float | None
    log_kurtosis: float | None
    forms: Mapping[str, Form]

    def config(self) -> dict[str, Any]:
        """Describe what was found as JSON."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read what `config` gave, whatever else stands beside it."""
        own = {field.name: config[field.name] for field in fields(cls)}
        return cls(**{**own, "forms": {name: Form(**form) for name, form in own["forms"].items()}})

    def share(self, *forms: str) -> float:
        """Tell which share of the entries have one of these forms."""
        return self.count(*forms) / (self.rows - self.missing)

    def count(self, *forms: str) -> int:
        """Count the entries that have one of these forms."""
        return sum(self.forms[form].count for form in forms if form in self.forms)

    def first_but(self, *forms: str) -> Form:
        """Give the first entry of another form than these."""
        return min((found for form, found in self.forms.items() if form not in forms), key=lambda found: found.row)

    def percent(self, form: str) -> str:
        """Write a share for people."""
        return f"{100 * self.share(form):.0f} %"

    def has_at_most(self, values: float) -> bool:
        """Tell whether there are so few different values."""
        return self.distinct is not None and self.distinct <= values
