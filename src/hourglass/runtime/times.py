"""Times as people write them, exact to the nanosecond."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError
from .schema import scalars

Unit = Literal["s", "ms", "us", "ns"]

_NANOSECONDS: dict[str, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
#: Units that a duration is told in, the longest first.
_UNITS = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "min": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_LARGEST = 2**62
_DURATION = re.compile(r"\s*(?P<number>\d{1,30}(\.\d{1,30})?)\s*(?P<unit>d|h|min|s|ms|us|ns)\s*")
_ZONE = re.compile(r"\d[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)$")


@dataclass(frozen=True)
class Clock:
    """How a column of times is written.

    Parameters
    ----------
    column : str
    format : str or None
        Of text, as ``strptime`` has it; None: ISO 8601, which can't be taken for another order of day and month.
    unit : str
        Of numbers, counted from the start of 1970 or any other moment.
    """

    column: str
    format: str | None = None
    unit: Unit = "s"

    def read(self, values: "pd.Series[Any]") -> "Times":
        """Read times; those with a zone are instants, others what a clock on a wall shows.

        Raises
        ------
        InputError
            A row holds no time; the message names it.
        """
        values = scalars(values)
        if values.dtype == object and len(values) and all(isinstance(value, int | float) for value in values):
            values = pd.to_numeric(values)
        if values.dtype.kind in "iuf":
            return Times(self._counted(values), self.unit)
        if not pd.api.types.is_datetime64_any_dtype(values):
            values = self._parsed(values)
        self._require_times(values.isna(), values)
        zone = getattr(values.dtype, "tz", None)
        instants = values.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else values
        try:
            return Times(instants.dt.as_unit("ns").to_numpy().astype(np.int64), None, zone)
        except pd.errors.OutOfBoundsDatetime as beyond:
            raise InputError(
                f"column {self.column!r} holds times that nanoseconds can't count ({beyond}); expected the years 1678 "
                "to 2261."
            ) from beyond

    def _parsed(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        zoned = values.map(lambda value: isinstance(value, str) and _ZONE.search(value) is not None).to_numpy(bool)
        if zoned.any() and not zoned.all():
            row = int(np.flatnonzero(~zoned)[0])
            raise InputError(
                f"column {self.column!r}, row {row}: {values.iloc[row]!r} names no time zone and other rows do; give "
                "all of them one, or none."
            )
        utc = bool(zoned.any()) or (self.format is not None and "%z" in self.format)
        parsed = pd.Series(pd.to_datetime(values, format=self.format or "ISO8601", errors="coerce", utc=utc))
        self._require_times(parsed.isna(), values)
        return parsed

    def _counted(self, values: "pd.Series[Any]") -> NDArray[np.int64]:
        """Count nanoseconds of numbers; whole numbers stay exact."""
        factor = _NANOSECONDS[self.unit]
        numbers = values.to_numpy(np.float64, na_value=np.nan) if values.isna().any() else values.to_numpy()
        near = np.abs(numbers.astype(np.float64)) <= _LARGEST / factor  # neither is NaN
        self._require_times(pd.Series(~near), values)
        if numbers.dtype.kind in "iu":
            return numbers.astype(np.int64) * factor
        whole = np.floor(numbers)
        counted: NDArray[np.int64] = whole.astype(np.int64) * factor + np.rint((numbers - whole) * factor).astype(
            np.int64
        )
        return counted

    def _require_times(self, bad: "pd.Series[bool]", values: "pd.Series[Any]") -> None:
        rows = np.flatnonzero(bad.to_numpy())
        if len(rows):
            value = values.iloc[rows[0] : rows[0] + 1].to_list()[0]
            wanted = (
                f"a time of the form {self.format}" if self.format else "a time such as 2024-05-31 14:00:00 (ISO 8601)"
            )
            raise InputError(
                f"column {self.column!r}, row {rows[0]}: {value!r} can't be read ({len(rows)} such of "
                f"{len(values)}); expected {wanted}. Mend the row, or name the form by data.signal.format."
            )


@dataclass(frozen=True)
class Times:
    """Moments, and how the people who gave them write such.

    Parameters
    ----------
    ns : ndarray of int64
        Nanoseconds.
    unit : str or None
        Of numbers; None where they were dates.
    zone : tzinfo or None
        Of dates; None where they had none.
    """

    ns: NDArray[np.int64]
    unit: Unit | None = None
    zone: Any = None

    def write(self, ns: NDArray[np.int64]) -> "pd.Series[Any]":
        """Write moments as those that were read: dates in their zone, or numbers."""
        if self.unit is not None:
            whole, rest = np.divmod(ns, _NANOSECONDS[self.unit])
            return pd.Series(whole if not rest.any() else whole + rest / _NANOSECONDS[self.unit])
        dates = pd.Series(ns.astype("datetime64[ns]"))
        return dates if self.zone is None else dates.dt.tz_localize("UTC").dt.tz_convert(self.zone)


def duration(text: str, setting: str) -> int:
    """Read a duration such as ``5min`` or ``250 ms`` as nanoseconds, exactly.

    Raises
    ------
    InputError
        It isn't one, or isn't above zero.
    """
    found = _DURATION.fullmatch(text)
    ns = round(Fraction(found["number"]) * _UNITS[found["unit"]]) if found else 0
    if not 0 < ns <= _LARGEST:
        raise InputError(
            f"{setting} is {text!r}; expected a duration above zero, such as 5min, 1h or 250ms ({', '.join(_UNITS)})."
        )
    return ns


def about(ns: int, within: int) -> str:
    """Tell a duration by the fewest digits, at least three, that are off by at most `within` nanoseconds."""
    unit = next(name for name, size in _UNITS.items() if ns >= size)
    for digits in range(3, 16):
        text = f"{float(f'{ns / _UNITS[unit]:.{digits}g}'):.15g}{unit}"
        if abs(duration(text, "the duration") - ns) <= within:
            return min(words(ns), text, key=len)
    return words(ns)


def words(ns: int) -> str:
    """Tell a duration in the longest unit that it is a whole number of."""
    unit = next(name for name, size in _UNITS.items() if ns % size == 0)
    return f"{ns // _UNITS[unit]}{unit}"
