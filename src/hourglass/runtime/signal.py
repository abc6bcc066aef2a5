"""Series of one or many channels: windows of a regular grid, and the way back to the times that people have."""

from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .array import numbers_of
from .cuts import Cut, joined
from .errors import InputError
from .grid import regular
from .schema import ROWS, Uncategorised, as_numbers, chosen, judged, scalars
from .times import Clock, Unit

Duplicates = Literal["mean", "refuse"]


@dataclass(frozen=True)
class SignalSchema(Uncategorised):
    """Windows of a series.

    Parameters
    ----------
    time : str
        The column of times.
    columns : tuple of str
        The channels.
    window, stride : int
        Length of a window, and from one to the next, in points.
    period : int
        From one point to the next, in nanoseconds.
    max_gap : int
        Points in a row that are interpolated where readings are missing.
    series : str or None
        The column that names the series of a reading; None: all readings are of one.
    duplicates : {"mean", "refuse"}
        What becomes of readings of one time.
    format, unit
        How times are written, as of `Clock`.
    name : str
        Which of several arrays of windows that come together, in a dict or as the fields of one array, holds the rows.
    """

    time: str
    columns: tuple[str, ...]
    window: int
    stride: int
    period: int
    max_gap: int = 3
    series: str | None = None
    duplicates: Duplicates = "mean"
    format: str | None = None
    unit: Unit = "s"
    name: str = ROWS

    kind = "signal"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a window in the net: channels first."""
        return (len(self.columns), self.window)

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of a window as people have it."""
        return (self.window, len(self.columns))

    @property
    def clock(self) -> Clock:
        """How times are written."""
        return Clock(self.time, self.format, self.unit)

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bring windows, or a table of readings that is cut into them, into the net's shape; see `bare`."""
        return judged(self.bare(rows))

    def bare(self, rows: Any) -> NDArray[Any]:
        """Do what `encode` does, whatever the numbers; see `Schema.bare`.

        Windows have the shape (windows, window, channels); without the last dimension where there is one channel;
        or they are flat.
        """
        array = self.cut(rows).windows if isinstance(rows, pd.DataFrame) else numbers_of(chosen(rows, self.name))
        if array.shape == (0,):
            array = np.zeros((0, *self.raw_shape))
        if array.dtype.kind not in "buif":
            raise InputError(f"windows are of type {array.dtype}; expected numbers.")
        flat = (prod(self.shape),)
        if array.ndim == 0 or array.shape[1:] not in {self.raw_shape, flat}:
            raise InputError(
                f"windows have shape {array.shape}; expected (windows, {self.window}, {len(self.columns)}), or a table "
                f"with the columns {', '.join([self.time, *self.columns])}."
            )
        return np.ascontiguousarray(np.moveaxis(array.reshape(len(array), *self.raw_shape), 1, 2))

    def decode(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring windows back into the shape that people have them in."""
        return np.moveaxis(x, 1, 2)

    def cut(self, frame: pd.DataFrame) -> Cut:
        """Lay the readings of a table out on regular grids and cut windows out of them; of no reading, none.

        Raises
        ------
        InputError
            A column is missing or appears twice, a row has no time or text for a number, two readings have one time and
            that is refused, or no series is as long as a window.
        """
        found = self.cut_all(frame)
        if len(frame) and not len(found.starts):
            raise InputError(self.too_short(found.longest))
        return found

    def cut_all(self, frame: pd.DataFrame) -> Cut:
        """Do as `cut` does, but give no window where there is none."""
        self._require_columns(frame)
        times = self.clock.read(frame[self.time])
        values = np.stack([_readings(name, frame[name]) for name in self.columns], axis=1)
        names, of_row = self._series_of(frame)
        if self.duplicates == "refuse":
            self._refuse_duplicates(times.ns, of_row, frame)
        grids = []
        for number in range(len(names)):
            rows = np.flatnonzero(of_row == number)
            grid = regular(times.ns[rows], values[rows], period=self.period, max_gap=self.max_gap)
            grids.append((rows, grid))
        return joined(self, frame, times, names, grids)

    def beside(self, told: "SignalSchema") -> "SignalSchema":
        """Give the windows of these channels and, behind them, of those that a model is told, cut together."""
        return replace(self, columns=(*self.columns, *told.columns))

    def too_short(self, longest: int) -> str:
        """Say that readings make no window, for people."""
        return (
            f"the longest stretch without a gap has {longest} points; expected at least {self.window}, a window. "
            "Give a longer series, or set a smaller data.signal.window or a larger data.signal.max_gap."
        )

    def laid_out(self, windows: NDArray[np.float64]) -> pd.DataFrame:
        """Give a table of readings from which the very same windows are cut: a gap follows each.

        Parameters
        ----------
        windows : ndarray of shape (windows, window, channels)
        """
        apart = np.arange(len(windows))[:, None] * (self.window + self.max_gap + 1) + np.arange(self.window)
        when = (apart.reshape(-1) * self.period).astype("datetime64[ns]")
        channels = windows.reshape(-1, len(self.columns))
        return pd.DataFrame({self.time: when} | dict(zip(self.columns, channels.T, strict=True)))

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        config = {"kind": self.kind} | asdict(self) | {"columns": list(self.columns)}
        return config if self.name != ROWS else {name: value for name, value in config.items() if name != "name"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SignalSchema":
        """Read what `config` gave."""
        settings = {name: value for name, value in config.items() if name != "kind"}
        return cls(**settings | {"columns": tuple(settings["columns"])})

    def _require_columns(self, frame: pd.DataFrame) -> None:
        needed = [self.time, *self.columns]
        for name in needed:
            if name not in frame.columns:
                there = ", ".join(str(column) for column in frame.columns)
                raise InputError(f"column {name!r} is missing; expected {', '.join(needed)} (there: {there}).")
        doubled = frame.columns[frame.columns.duplicated() & frame.columns.isin(needed)]
        if len(doubled):
            raise InputError(f"column {doubled[0]!r} appears twice; give every column a name of its own.")

    def _series_of(self, frame: pd.DataFrame) -> tuple[list[str], NDArray[np.intp]]:
        """Name the series, in the order of their first reading, and number that of each row."""
        if self.series is None or self.series not in frame.columns:
            return [""], np.zeros(len(frame), np.intp)
        codes, names = pd.factorize(scalars(frame[self.series]))
        if (codes < 0).any():
            row = int((codes < 0).argmax())
            raise InputError(f"column {self.series!r}, row {row}: the name of the series is missing; fill it.")
        return [str(name) for name in names], codes

    def _refuse_duplicates(self, ns: NDArray[np.int64], of_row: NDArray[np.intp], frame: pd.DataFrame) -> None:
        again = pd.DataFrame({"series": of_row, "ns": ns}).duplicated().to_numpy()
        if again.any():
            row = int(again.argmax())
            raise InputError(
                f"column {self.time!r}, row {row}: {frame[self.time].iloc[row]!r} is the time of an earlier row, too "
                f"({again.sum()} such of {len(frame)}); remove one of them, or set data.signal.duplicates: mean."
            )


def _readings(name: str, values: "pd.Series[Any]") -> NDArray[np.float64]:
    """Read a channel as float64; a missing value is NaN, text is refused."""
    numbers = as_numbers(values)
    text = np.flatnonzero(np.isnan(numbers) & values.notna().to_numpy())
    if len(text):
        raise InputError(
            f"column {name!r}, row {text[0]}: {values.iloc[text[0]]!r} is no number ({len(text)} such of "
            f"{len(values)}); mend the row, or list the channels without it in data.signal.columns."
        )
    return numbers
