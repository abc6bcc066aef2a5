"""Series: tables with a column of times, a file for each series or a column that names it, read as windows."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.settings import SignalSettings
from hourglass.data.sources import Kind, Raw, table
from hourglass.data.sources.anomalies import ANOMALY, Anomalies
from hourglass.data.sources.pair import PAIR
from hourglass.data.sources.piecewise import Piece, cuts_of, pieces_of
from hourglass.data.sources.refusing import refused
from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json
from hourglass.runtime.cuts import SERIES, Cut
from hourglass.runtime.grid import Told, median_step
from hourglass.runtime.schema import as_numbers, as_text
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.times import Clock, about, duration, words

_NAMES = "series.json"
_ANOMALIES = "anomalies.json"
#: A column with at least this share of numbers is a channel, and its text a mistake.
_MOSTLY_NUMBERS = 0.9
#: A period is rounded by at most this part of the range that the middle half of the steps lies in.
_ROUND = 10


def accepts(path: Path, data: DataParams) -> bool:
    """Take tables where ``data.signal.time`` names their column of times."""
    return data.signal.time is not None and bool(_files(path, data))


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Copy each file as it is into a folder of its own, and the times of anomalies beside; `blocks` checks the rest."""
    files = _files(path, data)
    for number, file in enumerate(files):
        _taken(file, shard / f"{number:05d}", data)
    names = [_name(file, path) for file in files]
    write_json(shard / _NAMES, names)
    if data.signal.anomalies is not None:
        known = None if data.signal.series else names
        Anomalies.read(Path(data.signal.anomalies), known, _clock(data.signal)).write(shard / _ANOMALIES)
    return "signal"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read windows, series after series; beside them ``series``, ``start`` and ``end``, and the label.

    Where ``data.signal.target`` names channels, those are the rows, and the others the array ``pair``.
    """
    schema = readings_of(data)
    own = len(schema_of(data).columns)
    anomalies = Anomalies.load(shard / _ANOMALIES)
    step = max(1, limit // (8 * schema.window * len(schema.columns)))
    for name, folder in _tables(shard):
        for piece, found in cuts_of(schema, pieces_of(folder, name, data), name):
            side = _side(found, piece.frame, name, data, anomalies)
            for first in range(0, len(side), step):
                windows = found.part(first, first + step)
                pair = {PAIR: windows[..., own:]} if data.signal.target else {}
                rows = np.ascontiguousarray(windows[..., :own])
                yield Raw(kind, rows, side.iloc[first : first + step].reset_index(drop=True), pair)


def schema_of(data: DataParams) -> SignalSchema:
    """Say what a row is: a window of all channels, or of those that shall be made of the others; see `readings_of`."""
    readings, target = readings_of(data), data.signal.target
    return readings if target is None else replace(readings, columns=tuple(target))


def told_of(data: DataParams) -> SignalSchema:
    """Say what the array ``pair`` is: the windows that rows shall be made of.

    Raises
    ------
    HourglassError
        There is none, for no channel shall be made of others.
    """
    if data.signal.target is None:
        raise HourglassError(
            f"params.yaml: data.condition names {PAIR!r}, and data.signal.target no channels to be made; name some."
        )
    return replace(readings_of(data), columns=tuple(data.signal.columns or ()), name=PAIR)


def readings_of(data: DataParams) -> SignalSchema:
    """Say what is read: all channels, first those that shall be made of the others.

    Raises
    ------
    HourglassError
        The settings leave the channels or the period open, which `settle` finds.
    """
    settings = data.signal
    if settings.time is None or settings.columns is None or settings.period is None:
        name = "time" if settings.time is None else "columns" if settings.columns is None else "period"
        raise HourglassError(
            f"params.yaml: data.signal.{name} is missing; set it, or run `hourglass data SOURCE --time COLUMN` again, "
            "which does."
        )
    with refused("params.yaml"):
        period = duration(settings.period, "data.signal.period")
    return SignalSchema(
        time=settings.time,
        columns=(*(settings.target or ()), *settings.columns),
        window=settings.window,
        stride=settings.stride or max(1, settings.window // 4),
        period=period,
        max_gap=settings.max_gap,
        series=settings.series,
        duplicates=settings.duplicates,
        format=settings.format,
        unit=settings.unit,
    )


def settle(path: Path, data: DataParams) -> tuple[SignalSettings, list[str]]:
    """Find the channels and the period where the settings leave them open.

    Parameters
    ----------
    path : Path
        A file or a folder.
    data : DataParams

    Returns
    -------
    SignalSettings
        With nothing left open.
    list of str
        What was found and why, and what will be done to the readings, a sentence each.

    Raises
    ------
    HourglassError
        There is no channel, or no two readings have different times.
    """
    settings = data.signal
    said = []
    with TemporaryDirectory() as place:
        tables = [
            (_name(file, path), _taken(file, Path(place) / str(n), data)) for n, file in enumerate(_files(path, data))
        ]
        starts = [(name, next(pieces_of(folder, name, data)).frame) for name, folder in tables]
        if settings.columns is None:
            columns, why = _channels(starts[0][1], starts[0][0], data)
            settings = replace(settings, columns=columns)
            said.append(why)
        if settings.period is None:
            period, why = _period(starts, settings)
            settings = replace(settings, period=period)
            said.append(why)
        schema = readings_of(data.model_copy(update={"signal": settings}))
        for name, folder in tables:
            said += [f"{name}: {sentence}" for sentence in _told(schema, pieces_of(folder, name, data), name)]
    return settings, said


def _files(path: Path, data: DataParams) -> list[Path]:
    if not path.is_dir():
        return [path] if table.accepts(path, data) else []
    anomalies = data.signal.anomalies and os.path.realpath(data.signal.anomalies)
    return [file for file in table.files_below(path) if os.path.realpath(file) != anomalies]


def _name(file: Path, source: Path) -> str:
    return file.relative_to(source).as_posix() if file != source else file.name


def _clock(settings: SignalSettings) -> Clock:
    return Clock(str(settings.time), settings.format, settings.unit)


def _tables(shard: Path) -> Iterator[tuple[str, Path]]:
    """Name the series, and the folder of each."""
    if not (shard / _NAMES).exists():
        raise HourglassError(f"{shard} holds no series; run `hourglass data SOURCE` again.")
    for number, name in enumerate(read_json(shard / _NAMES)):
        yield name, shard / f"{number:05d}"


def _taken(file: Path, folder: Path, data: DataParams) -> Path:
    folder.mkdir()
    table.take(file, folder, data)
    return folder


def _told(schema: SignalSchema, pieces: Iterable[Piece], name: str) -> list[str]:
    """Say what is done to the readings of a table, and which channels are constant."""
    told = Told()
    low, high = np.full(len(schema.columns), np.inf), np.full(len(schema.columns), -np.inf)
    for _, found in cuts_of(schema, pieces, name):
        told += found.told
        low, high = np.minimum(low, found.values.min(axis=0)), np.maximum(high, found.values.max(axis=0))
    constant = [name for name, one, other in zip(schema.columns, low, high, strict=True) if one == other]
    return told.sentences() + [f"column {column!r} is constant" for column in constant]


def _side(found: Cut, frame: pd.DataFrame, name: str, data: DataParams, anomalies: Anomalies | None) -> pd.DataFrame:
    """Tell of each window what it is of, where it lies, and its label."""
    where = found.where
    names = where[SERIES].map(lambda of_row: f"{name}/{of_row}") if SERIES in where else name
    side = where.drop(columns=SERIES, errors="ignore")
    side.insert(0, SERIES, names)
    if anomalies is not None:
        clock = _clock(data.signal)
        with refused():
            side[ANOMALY] = anomalies.within(found, side[SERIES], clock).astype(np.int64)
    elif data.label in frame:
        side[str(data.label)] = _classes(found, frame[str(data.label)], name, data)
    return side


def _classes(found: Cut, values: "pd.Series[Any]", name: str, data: DataParams) -> NDArray[np.object_]:
    """Give each window the class of its first anomalous reading, or, where it has none, of its first reading."""
    text = as_text(values)
    gaps = np.flatnonzero(text.isna())
    if len(gaps):
        raise HourglassError(f"{name}: column {data.label!r}, row {gaps[0]}: the label is missing; fill it.")
    key, listed = ("normal", data.normal) if data.normal is not None else ("anomalous", data.anomalous)
    is_anomaly = (text.isin({str(value) for value in listed or ()}) == (key == "anomalous")).to_numpy()
    classes = found.first_of(np.ones(len(text), bool))
    anomalous = found.first_of(is_anomaly)
    rows = np.where(anomalous >= 0, anomalous, classes)
    return text.to_numpy(object)[rows]


def _channels(frame: pd.DataFrame, name: str, data: DataParams) -> tuple[list[str], str]:
    taken = {data.signal.time, data.signal.series, data.label, *(data.signal.target or ())}
    columns = [str(column) for column in frame.columns if column not in taken and _is_channel(frame[column])]
    if not columns:
        raise HourglassError(
            f"{name} has no column of numbers beside {data.signal.time!r}; expected a channel at least."
        )
    left = [str(column) for column in frame.columns if column not in {*taken, *columns}]
    without = f"; left out, for they hold text or nothing: {', '.join(left)}" if left else ""
    return columns, f"channels: {', '.join(columns)}, the columns of numbers{without}"


def _is_channel(values: "pd.Series[Any]") -> bool:
    given = values.dropna()
    return bool(len(given) and (~np.isnan(as_numbers(given))).mean() >= _MOSTLY_NUMBERS)


def _period(frames: list[tuple[str, pd.DataFrame]], settings: SignalSettings) -> tuple[str, str]:
    """Infer the period: the median step of all series, as round as the steps themselves scatter."""
    series = []
    for name, frame in frames:
        if settings.time not in frame:
            there = ", ".join(str(column) for column in frame.columns)
            raise HourglassError(
                f"{name} has no column {settings.time!r}, which data.signal.time names (there: {there})."
            )
        with refused(name):
            ns = _clock(settings).read(frame[settings.time]).ns
        groups = frame[settings.series] if settings.series in frame else pd.Series(0, index=frame.index)
        series += [ns[rows] for rows in groups.groupby(groups, sort=False).indices.values()]
    step, scatter, steps = median_step(series)
    if not step:
        raise HourglassError(f"{name}: no two readings of a series have different times; expected a longer series.")
    period = about(step, scatter // _ROUND) if scatter else words(step)
    rounded = f"; rounded, for they differ ({words(step)})" if scatter and period != words(step) else ""
    return period, f"period: {period}, the median of {steps:,} steps from a reading to the next{rounded}"
