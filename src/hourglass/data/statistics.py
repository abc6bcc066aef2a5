"""What training rows look like: the normaliser, and figures for people, from a summary that is made block by block."""

from collections.abc import Mapping
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data.moments import Moments
from hourglass.data.scaling import Spread, table_normaliser
from hourglass.data.sketches import Quantiles
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.table import Column, TableSchema

_LEVELS = np.linspace(0, 1, 21)
#: Levels of the quantiles that scales are fitted to, the quartiles among them.
_FINE_LEVELS = np.linspace(0, 1, 201)
#: One number, as the columns of a table are that may be missing.
_ONE = TableSchema((Column("value", "number"),))
#: Rows are measured so many numbers at a time, whatever the blocks that they come in: sums then have the same bits.
_RUN, _RUN_ROWS = 2**20, 8192
_MOMENTS = ("mean", "squares", "low", "high")


class Summary:
    """Moments of each feature, and quantiles of each column, of rows that come in blocks.

    All entries of images and recordings share one mean and spread, and so do the points of a channel of signals; of
    other arrays every entry has its own. Quantiles are those of a table's columns, of a signal's channels, or of all
    entries. Numbers of a table that may be missing (NaN) are summarised apart, over the rows that have them.
    """

    def __init__(self, schema: Schema) -> None:
        self.shape = schema.shape
        kind = schema.config()["kind"]
        shared = {"image": self.shape, "audio": self.shape, "signal": self.shape[1:]}
        self._shared: tuple[int, ...] = shared.get(kind, ())
        self._per_column = isinstance(schema, TableSchema | SignalSchema)
        self._run = max(1, min(_RUN_ROWS, _RUN // prod(self.shape)))
        self._waiting: list[NDArray[Any]] = []
        self._apart = {place: Summary(_ONE) for place in schema.imputed} if isinstance(schema, TableSchema) else {}
        self._moments: Moments | None = None
        self._quantiles = Quantiles(prod(self._own) if self._per_column else 1)

    @property
    def _own(self) -> tuple[int, ...]:
        """Dimensions of a row that have moments of their own."""
        return self.shape[: len(self.shape) - len(self._shared)]

    def update(self, x: NDArray[Any]) -> None:
        """Take rows of shape (rows, *shape)."""
        for place, summary in self._apart.items():
            missing = np.isnan(x[:, place])
            summary.update(x[~missing, place, None])
            if missing.any():
                x = np.where(np.isnan(x), 0, x)
        start = 0
        while start < len(x):
            room = self._run - sum(map(len, self._waiting))
            self._waiting.append(x[start : start + room])
            start += room
            if sum(map(len, self._waiting)) == self._run:
                self._measure()

    def merge(self, other: "Summary") -> None:
        """Take what another one has seen."""
        self._measure()
        other._measure()
        for place, summary in self._apart.items():
            summary.merge(other._apart[place])
        if other._moments is not None:
            self._moments = other._moments if self._moments is None else self._moments.merge(other._moments)
            self._quantiles.merge(other._quantiles)

    @property
    def moments(self) -> Moments:
        """Moments of each feature, of shape `shape`; of channels, (channels, 1); of all pixels together, ()."""
        self._measure()
        if self._moments is None:
            raise ValueError("there are no rows to summarise")
        shape = (*self._own, *[1] * len(self._shared)) if self._own else ()
        parts = {name: getattr(self._moments, name).reshape(shape).copy() for name in _MOMENTS}
        for place, summary in self._apart.items():
            for name, value in summary._of_rows(self._moments.rows).items():
                parts[name][place] = value
        return Moments(self._moments.rows, **parts)

    @property
    def empty(self) -> bool:
        """Whether there was no row."""
        return not self.rows

    @property
    def rows(self) -> int:
        """Rows seen."""
        return (self._moments.rows // prod(self._shared) if self._moments else 0) + sum(map(len, self._waiting))

    def quantiles(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of shape (levels, columns); the ends are exact, however many rows there were."""
        moments = self.moments
        found = self._quantiles(levels)
        for place, summary in self._apart.items():
            found[:, place] = 0 if summary.empty else summary.quantiles(levels)[:, 0]
        columns = found.shape[1]
        found[levels == 0] = moments.low.reshape(-1, columns).min(axis=0)
        found[levels == 1] = moments.high.reshape(-1, columns).max(axis=0)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all that is kept, by name."""
        self._measure()
        moments = {} if self._moments is None else {name: getattr(self._moments, name) for name in ("rows", *_MOMENTS)}
        apart = {f"{place}/{name}": array for place, one in self._apart.items() for name, array in one.arrays().items()}
        return {name: np.asarray(value) for name, value in moments.items()} | self._quantiles.arrays() | apart

    @classmethod
    def from_arrays(cls, schema: Schema, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `arrays` gave."""
        summary = cls(schema)
        if "rows" in arrays:
            summary._moments = Moments(int(arrays["rows"]), *(np.asarray(arrays[name]) for name in _MOMENTS))
        own = {name: array for name, array in arrays.items() if "/" not in name}
        summary._quantiles = Quantiles.from_arrays(own)
        for place in summary._apart:
            start = f"{place}/"
            found = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            summary._apart[place] = cls.from_arrays(_ONE, found)
        return summary

    def _of_rows(self, rows: int) -> dict[str, float]:
        """Give moments of one number as those of so many rows would be; 0 where there is none."""
        if self.empty:
            return dict.fromkeys(_MOMENTS, 0.0)
        moments = self.moments
        found = {name: float(getattr(moments, name)[0]) for name in _MOMENTS}
        return found | {"squares": found["squares"] * rows / moments.rows}

    def _measure(self) -> None:
        if not self._waiting:
            return
        rows = np.concatenate(self._waiting, dtype=np.float64)
        self._waiting = []
        apart = rows.reshape(len(rows), prod(self._own), prod(self._shared))
        columns = np.moveaxis(apart, 1, 2).reshape(-1, prod(self._own))
        measured = Moments.of(columns)
        self._moments = measured if self._moments is None else self._moments.merge(measured)
        self._quantiles.update(columns if self._per_column else rows.reshape(-1, 1))


def summarise(x: NDArray[Any], schema: Schema) -> Summary:
    """Summarise rows of shape (rows, *shape) at once."""
    summary = Summary(schema)
    summary.update(x)
    return summary


def fit_normaliser(summary: Summary, schema: Schema, how: str) -> Normaliser:
    """Fit the map to the nets' units, in float64.

    Parameters
    ----------
    summary : Summary
        Of normal training rows alone.
    schema : Schema
        Images and recordings share one offset and scale, signals have one of each per channel, tables and arrays per
        feature. The 0s and 1s of a table stay as they are, and its columns may say themselves how they are scaled.
    how : {"auto", "standard", "minmax", "none"}
    """
    if isinstance(schema, TableSchema):
        return table_normaliser(schema, _spreads(summary, schema), how)
    if how == "auto":
        how = _usual(schema)
    moments = summary.moments
    spread = moments.high - moments.low
    if how == "standard":
        offset, scale = moments.mean, moments.deviation
    elif how == "minmax":
        offset, scale = moments.low, spread
    else:
        offset, scale = np.zeros_like(moments.low), np.ones_like(moments.low)
    # a constant column's deviation is rounding, not spread
    scale = np.where((spread == 0) | (scale == 0), 1.0, scale)
    return Normaliser(np.asarray(offset, np.float64), np.asarray(scale, np.float64))


def _spreads(summary: Summary, schema: TableSchema) -> dict[int, Spread]:
    moments, quantiles = summary.moments, summary.quantiles(_FINE_LEVELS)
    return {
        place: Spread(
            float(moments.mean[place]),
            float(moments.deviation[place]),
            float(moments.low[place]),
            float(moments.high[place]),
            quantiles[:, place],
        )
        for place in schema.measured
    }


def _usual(schema: Schema) -> str:
    config = schema.config()
    if config.get("form") == "spectrogram":  # decades above a floor: a known scale, which corruptions can go by
        return "none"
    return "minmax" if config["kind"] == "image" else "standard"


def describe(summary: Summary, schema: Schema) -> list[dict[str, Any]]:
    """Tell what training rows are like: per feature of a table and channel of a signal, else over all entries.

    Returns
    -------
    list of dict
        ``name``, ``mean``, ``std``, ``min``, ``max`` and 21 evenly spaced ``quantiles``, in the data's units.
    """
    moments = summary.moments
    if isinstance(schema, TableSchema):
        names = schema.features
    elif isinstance(schema, SignalSchema):
        names = list(schema.columns)
    else:
        names = ["pixels" if schema.config()["kind"] == "image" else "entries"]
        moments = _pooled(moments)
    quantiles = summary.quantiles(_LEVELS)
    return [
        {
            "name": name,
            "mean": float(np.ravel(moments.mean)[place]),
            "std": float(np.ravel(moments.deviation)[place]),
            "min": float(np.ravel(moments.low)[place]),
            "max": float(np.ravel(moments.high)[place]),
            "quantiles": [float(value) for value in quantiles[:, place]],
        }
        for place, name in enumerate(names)
    ]


def _pooled(moments: Moments) -> Moments:
    """Give the moments of all features together."""
    mean = moments.mean.mean()
    squares = moments.squares.sum() + moments.rows * ((moments.mean - mean) ** 2).sum()
    return Moments(moments.rows * moments.mean.size, mean, squares, moments.low.min(), moments.high.max())
