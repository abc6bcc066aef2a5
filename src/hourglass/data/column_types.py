"""The type and the scale of a column, from what it holds and what is set of it, each with its reason."""

from dataclasses import asdict, dataclass
from typing import Any, cast

from hourglass.data.column_contents import DATES, Found
from hourglass.data.scaling import Scale
from hourglass.data.settings import ColumnSettings
from hourglass.errors import HourglassError
from hourglass.runtime.table import Column, Type

#: A category has at most so many values, and at most half as many as there are rows.
MAX_CATEGORIES = 1_000
#: A column of which at least this share is of one kind is of that kind, with mistakes in it.
_MOSTLY = 0.9
#: Texts such as sizes and dosages are categories where there are at most so many different ones.
_FEW = 20
#: Tails heavier than this call for a logarithm where that leaves them lighter than `_LIGHT`; 3 is the normal's.
_HEAVY, _LIGHT = 100.0, 10.0

#: The one that is read.
_ISO = "year-month-day"


@dataclass(frozen=True)
class Decision:
    """What a column is taken for.

    Parameters
    ----------
    type : str
    why : str
    scale : str
        "none" of categories and booleans.
    scale_why : str
    """

    type: Type
    why: str
    scale: Scale
    scale_why: str


def decide(
    found: Found, settings: ColumnSettings | None = None, *, normalise: str = "auto", remedy: str = ""
) -> Decision:
    """Decide what a column is.

    Parameters
    ----------
    found : Found
    settings : ColumnSettings, optional
        What is set of the column; the rest is inferred.
    normalise : str
        The scale of columns that don't say it themselves; "auto": inferred.
    remedy : str
        What to do about a column that can't be used; by default to ignore it.

    Raises
    ------
    HourglassError
        The column can't be used, or not as what it is set to be.
    """
    settings = settings or ColumnSettings()
    remedy = remedy or f"set data.columns: {{{found.name}: ignore}}"
    if found.rows == found.missing:
        raise HourglassError(f"column {found.name!r} is empty; fill it or {remedy}.")
    if "other" in found.forms:
        form = found.forms["other"]
        raise HourglassError(
            f"column {found.name!r}, row {form.row}: holds a {form.value}; expected numbers, texts, booleans or times; "
            f"{remedy}."
        )
    if settings.type in _REQUIRE:
        kind, why = cast(Type, settings.type), "set in params.yaml"
        _REQUIRE[kind](found, remedy)
    else:
        kind, why = _inferred(found, remedy)
    _check(found.name, kind, settings)
    return Decision(kind, why, *_scale(found, kind, settings, normalise))


def inferred(found: Found, remedy: str = "") -> dict[str, Any]:
    """Describe, as JSON, what a column holds and what it is taken for; ``type`` is null where it can't be used."""
    try:
        decision = asdict(decide(found, remedy=remedy))
    except HourglassError as unusable:
        decision = {"type": None, "why": str(unusable)}
    return found.config() | decision


def column(
    decision: Decision, found: Found, values: tuple[str, ...] = (), settings: ColumnSettings | None = None
) -> Column:
    """Make a column of a decision; a category has `values`."""
    settings = settings or ColumnSettings()
    is_category = decision.type == "category"
    return Column(
        found.name,
        decision.type,
        values if is_category else (),
        "auto" if decision.type in ("category", "boolean") else decision.scale,
        settings.impute,
        settings.cycles,
        settings.encode,
    )


def _check(name: str, kind: Type, settings: ColumnSettings) -> None:
    """Refuse settings that don't go with the type."""
    key = f"params.yaml: data.columns.{name}"
    if settings.scale not in ("auto", "none") and kind in ("category", "boolean"):
        raise HourglassError(f"{key}: scale is for numbers and times, and the column is a {kind}; leave it out.")
    if settings.cycles and kind != "time":
        raise HourglassError(f"{key}: cycles are for times, and the column is a {kind}; leave it out.")
    if settings.encode != "auto" and kind != "category":
        raise HourglassError(f"{key}: encode is for categories, and the column is a {kind}; leave it out.")
    if settings.impute != "none" and (settings.impute == "indicator") != (kind == "category"):
        expected = "indicator" if kind == "category" else "mean or median"
        raise HourglassError(f"{key}: impute is {settings.impute!r}; expected {expected}, for the column is a {kind}.")


def _inferred(found: Found, remedy: str) -> tuple[Type, str]:
    numbers = found.share("number")
    if found.share("boolean") == 1:
        return "boolean", "all values are true or false"
    if found.share("number", "boolean") == 1:
        if "boolean" in found.forms and found.is_binary:
            return "boolean", "all values are true, false, 0 and 1"
        return "number", "all values are numbers"
    if numbers >= _MOSTLY:
        _require_numbers(found, remedy)
    if found.share("time", *DATES) >= _MOSTLY:
        _require_times(found, remedy)
        return "time", "all values are times"
    if "decorated" in found.forms and found.share("number", "decorated") >= _MOSTLY and not found.has_at_most(_FEW):
        form = found.forms["decorated"]
        raise HourglassError(
            f"column {found.name!r}, row {form.row}: {form.value!r} is a number with a unit or separators, as are "
            f"{found.percent('decorated')} of the column; write plain numbers such as 1234.5, or {remedy}."
        )
    if numbers >= 1 - _MOSTLY and not found.has_at_most(_most_categories(found)):
        form = found.first_but("number")
        raise HourglassError(
            f"column {found.name!r} holds numbers ({found.percent('number')}) and texts (row {form.row}: "
            f"{form.value!r}); expected one of them; mend the file or {remedy}."
        )
    _require_categories(found, remedy)
    return "category", f"texts, {found.distinct} different"


def _most_categories(found: Found) -> float:
    return min(MAX_CATEGORIES, found.rows / 2)


def _require_numbers(found: Found, remedy: str) -> None:
    if found.share("number", "boolean") == 1:
        return
    form = found.first_but("number", "boolean")
    if found.share("time", *DATES) > 0.5:
        raise HourglassError(f"column {found.name!r} holds times (row {form.row}: {form.value!r}); {remedy}.")
    count = found.rows - found.missing - found.count("number", "boolean")
    raise HourglassError(
        f"column {found.name!r}, row {form.row}: {form.value!r} is no number, but the column holds numbers ({count} "
        f"such of {found.rows}); mend the file or set data.columns: {{{found.name}: category}}."
    )


def _require_booleans(found: Found, remedy: str) -> None:
    if found.share("number", "boolean") == 1 and found.is_binary:
        return
    strange = next((form for name, form in found.forms.items() if name not in ("number", "boolean")), None)
    holds = f"row {strange.row}: {strange.value!r}" if strange else "numbers other than 0 and 1"
    raise HourglassError(
        f"column {found.name!r} is set to boolean and holds {holds}; expected true, false, 0 and 1; {remedy}."
    )


def _require_times(found: Found, remedy: str) -> None:
    written = [form for form in DATES if form in found.forms]
    if len(written) > 1:
        examples = ", ".join(f"row {found.forms[form].row}: {found.forms[form].value!r}" for form in written)
        raise HourglassError(
            f"column {found.name!r} writes dates in {len(written)} ways ({examples}); write all as 2024-01-31 or "
            f"2024-01-31 13:00:00, or {remedy}."
        )
    if written and written != [_ISO]:
        form = found.forms[written[0]]
        raise HourglassError(
            f"column {found.name!r}, row {form.row}: {form.value!r} is a date written as {written[0]}; write "
            f"2024-01-31 or 2024-01-31 13:00:00, or {remedy}."
        )
    if found.share("time", _ISO) < 1:
        form = found.first_but("time", _ISO)
        raise HourglassError(
            f"column {found.name!r}, row {form.row}: {form.value!r} is no time; expected times such as 2024-01-31 "
            f"13:00:00 in all rows; mend the file or {remedy}."
        )


def _require_categories(found: Found, remedy: str) -> None:
    if found.has_at_most(_most_categories(found)):
        return
    count = f"more than {MAX_CATEGORIES:,}" if found.distinct is None else f"{found.distinct:,}"
    raise HourglassError(
        f"column {found.name!r} has {count} different texts in {found.rows:,} rows; those are no categories; {remedy}."
    )


_REQUIRE = {
    "number": _require_numbers,
    "boolean": _require_booleans,
    "time": _require_times,
    "category": _require_categories,
}


def _scale(found: Found, kind: Type, settings: ColumnSettings, normalise: str) -> tuple[Scale, str]:
    if kind in ("category", "boolean"):
        return "none", "0 and 1 stay as they are"
    for name, chosen in ((f"data.columns.{found.name}", settings.scale), ("data.normalise", normalise)):
        if chosen != "auto":
            return chosen, f"set by {name}"  # type: ignore[return-value]
    if kind == "time":
        return "standard", "times have no heavy tails"
    if found.is_constant:
        return "standard", "constant: it is only moved to 0"
    tails, after = found.kurtosis, found.log_kurtosis
    is_heavy = tails is None or tails > _HEAVY
    if is_heavy and after is not None and after <= _LIGHT:
        heavy = "too large to tell" if tails is None else f"{tails:.3g}"
        return "log", f"a few values lie far from the rest: kurtosis {heavy}, {after:.3g} of the logarithms"
    return "standard", "no heavy tails" if not is_heavy else "heavy tails that a logarithm doesn't lighten"
