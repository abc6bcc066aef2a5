"""Times between which series are known to be anomalous."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json
from hourglass.runtime.cuts import END, SERIES, START, Cut
from hourglass.runtime.errors import InputError
from hourglass.runtime.times import Clock

#: The label that they give windows: 1 where a window holds a moment of an anomaly, else 0.
ANOMALY = "anomaly"
#: Stands for every series.
_ALL = ""

Pairs = list[list[Any]]


@dataclass(frozen=True)
class Anomalies:
    """Pairs of times, first and last moment, by the name of their series."""

    pairs: dict[str, Pairs]

    @classmethod
    def read(cls, path: Path, names: Collection[str] | None, clock: Clock) -> Self:
        """Read what people have: JSON ``{series: [[start, end], ...]}``, or CSV of ``start``, ``end`` and ``series``.

        Parameters
        ----------
        path : Path
        names : collection of str or None
            Of the series; None: not known yet. What is told of others is left out.
        clock : Clock

        Raises
        ------
        HourglassError
            The file can't be read, a time in it can't, an anomaly ends before it starts, or none is of a series.
        """
        pairs = _from_csv(path) if path.suffix.lower() == ".csv" else _from_json(path)
        for name, listed in pairs.items():
            _check(listed, f"{path}: {name}" if name else str(path), clock)
        kept = {name: listed for name, listed in pairs.items() if names is None or name == _ALL or name in names}
        if pairs and not kept:
            there = ", ".join(sorted(pairs)[:5])
            expected = ", ".join(sorted(names or ())[:5])
            raise HourglassError(f"{path} tells of no series that there is: it names {there}; expected {expected}.")
        return cls(kept)

    @classmethod
    def load(cls, path: Path) -> "Anomalies | None":
        """Read what `write` wrote; None where nothing is known."""
        return cls(read_json(path)) if path.exists() else None

    def write(self, path: Path) -> None:
        """Write them, in the words of the file that they come from."""
        write_json(path, self.pairs)

    def within(self, found: Cut, names: "pd.Series[Any]", clock: Clock) -> NDArray[np.bool_]:
        """Tell which windows hold a moment of an anomaly of their series.

        Parameters
        ----------
        found : Cut
        names : series of str
            Of the series of each window: ``file`` or ``file/series``.
        clock : Clock

        Raises
        ------
        InputError
            The series' times have a zone and those of anomalies have none, or the other way round.
        """
        start, end = found.ns[found.starts], found.ns[found.starts + found.schema.window - 1]
        inside = np.zeros(len(start), bool)
        for name, listed in self.pairs.items():
            of_series = names.map(lambda of_window, name=name: _is_of(of_window, name)).to_numpy(bool)
            for first, last in listed:
                times = clock.read(pd.Series([first, last]))
                if (times.zone is None) != (found.times.zone is None):
                    raise InputError("the times of anomalies and those of series must both have a time zone, or none.")
                inside |= of_series & (start <= times.ns[1]) & (end >= times.ns[0])
        return inside


def _is_of(series: str, name: str) -> bool:
    """Tell whether what a file calls `name` is this series: all, a file's, or one of those within a file."""
    return name in {_ALL, series} or series.startswith(f"{name}/") or series.endswith(f"/{name}")


def _from_json(path: Path) -> dict[str, Pairs]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as broken:
        raise HourglassError(
            f"{path} can't be read as JSON ({broken}); expected {{series: [[start, end]]}}."
        ) from broken
    pairs = content if isinstance(content, dict) else {_ALL: content}
    for name, listed in pairs.items():
        if not isinstance(listed, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in listed):
            raise HourglassError(
                f"{path}: {name or 'the list'} holds {str(listed)[:60]}; expected [[start, end], ...]."
            )
    return pairs


def _from_csv(path: Path) -> dict[str, Pairs]:
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as broken:
        raise HourglassError(f"{path} can't be read as CSV ({broken}); expected the columns start and end.") from broken
    missing = [name for name in (START, END) if name not in frame]
    if missing:
        raise HourglassError(
            f"{path} has no column {missing[0]!r}; expected start and end, and series if there are more."
        )
    names = frame[SERIES].astype(str) if SERIES in frame else pd.Series(_ALL, index=frame.index)
    return {
        str(name): frame.loc[rows, [START, END]].to_numpy().tolist()
        for name, rows in names.groupby(names).groups.items()
    }


def _check(listed: Pairs, where: str, clock: Clock) -> None:
    for number, (first, last) in enumerate(listed):
        try:
            ns = clock.read(pd.Series([first, last])).ns
        except InputError as unread:
            raise HourglassError(f"{where}, anomaly {number}: {unread}") from unread
        if ns[0] > ns[1]:
            raise HourglassError(f"{where}, anomaly {number}: it ends ({last}) before it starts ({first}); swap them.")
