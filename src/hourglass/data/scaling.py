"""How a feature's numbers are brought into the nets' units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from hourglass.runtime.normaliser import Curve, GridCurve, LogCurve, Normaliser
from hourglass.runtime.table import TableSchema

Scale = Literal["standard", "minmax", "robust", "quantile", "log", "none"]

#: Interquartile range of the standard normal distribution.
_NORMAL_IQR = 1.3489795003921634
#: Values closer than this share of the range count as equal.
_EQUAL = 1e-12


@dataclass(frozen=True)
class Spread:
    """Where the training values of a feature lie.

    Parameters
    ----------
    mean, std, low, high : float
    quantiles : ndarray of float64, shape (levels,)
        At evenly spaced levels from 0 to 1, ends included; 4 n + 1 of them, so that the quartiles are there.
    """

    mean: float
    std: float
    low: float
    high: float
    quantiles: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], levels: int = 201) -> "Spread":
        """Measure values that lie in memory, missing ones left out."""
        there = values[~np.isnan(values)]
        if not len(there):
            return cls(0.0, 0.0, 0.0, 0.0, np.zeros(levels))
        quantiles = np.quantile(there, np.linspace(0, 1, levels))
        return cls(float(there.mean()), float(there.std()), float(there.min()), float(there.max()), quantiles)

    def quantile(self, level: float) -> float:
        """Give a quantile."""
        return float(np.interp(level, np.linspace(0, 1, len(self.quantiles)), self.quantiles))


@dataclass(frozen=True)
class Scaling:
    """The map of one feature: its curve, if any, then ``(x - offset) / scale``."""

    offset: float
    scale: float
    curve: Curve | None = None


def fit(how: Scale, spread: Spread) -> Scaling:
    """Fit the map of one feature.

    A constant feature is only moved: its deviation is rounding, not spread.

    Parameters
    ----------
    how : str
        ``standard``: by mean and standard deviation. ``minmax``: to 0 .. 1. ``robust``: by median and interquartile
        range, in units of a normal distribution's standard deviation; where half of the values are equal, by the
        standard deviation. ``quantile``: to a standard normal distribution, by straight lines between quantiles.
        ``log``: ``sign(x) log(1 + |x|)``, then by the mean and the standard deviation of its quantiles.
        ``none``: as it is.
    spread : Spread
    """
    if how == "none":
        return Scaling(0.0, 1.0)
    if spread.low == spread.high:
        return Scaling(spread.low, 1.0)
    return _FITS[how](spread)


def _standard(spread: Spread) -> Scaling:
    return Scaling(spread.mean, _positive(spread.std))


def _minmax(spread: Spread) -> Scaling:
    return Scaling(spread.low, spread.high - spread.low)


def _robust(spread: Spread) -> Scaling:
    iqr = spread.quantile(0.75) - spread.quantile(0.25)
    by_std = iqr <= _EQUAL * (spread.high - spread.low)
    return Scaling(spread.quantile(0.5), _positive(spread.std) if by_std else iqr / _NORMAL_IQR)


def _log(spread: Spread) -> Scaling:
    mean, std = _mean_and_std(LogCurve()(spread.quantiles))
    return Scaling(mean, _positive(std), LogCurve())


def _quantile(spread: Spread) -> Scaling:
    return Scaling(0.0, 1.0, _to_normal(spread.quantiles))


_FITS = {"standard": _standard, "minmax": _minmax, "robust": _robust, "quantile": _quantile, "log": _log}


def table_normaliser(schema: TableSchema, spreads: Mapping[int, Spread], how: str = "auto") -> Normaliser:
    """Fit the map of a table.

    Parameters
    ----------
    schema : TableSchema
    spreads : mapping of int to Spread
        Of every number in `TableSchema.measured`, over the normal training rows that have it.
    how : str
        The scale of the columns that don't say it themselves; "auto": standard.
    """
    offset, scale = np.zeros(schema.shape), np.ones(schema.shape)
    curves: dict[int, Curve] = {}
    usual = "standard" if how == "auto" else how
    for place, column in schema.numbers.items():
        found = fit(cast(Scale, usual if column.scale == "auto" else column.scale), spreads[place])
        offset[place], scale[place] = found.offset, found.scale
        if found.curve is not None:
            curves[place] = found.curve
    fill = {
        place: spreads[place].mean if column.impute == "mean" else spreads[place].quantile(0.5)
        for place, column in schema.imputed.items()
    }
    return Normaliser(offset, scale, curves, fill)


def _positive(scale: float) -> float:
    return scale if scale > 0 else 1.0


def _mean_and_std(quantiles: NDArray[np.float64]) -> tuple[float, float]:
    """Take them from quantiles; the ends stand for half a step."""
    weights = np.ones(len(quantiles))
    weights[[0, -1]] = 0.5
    mean = float(np.average(quantiles, weights=weights))
    return mean, float(np.sqrt(np.average((quantiles - mean) ** 2, weights=weights)))


def _to_normal(quantiles: NDArray[np.float64]) -> GridCurve:
    """Draw the lines from quantiles to those of the standard normal distribution.

    A value of several levels lies in their middle.
    """
    from scipy.special import ndtri

    low, extent = quantiles[0], quantiles[-1] - quantiles[0]
    places, level_of = np.unique(np.round((quantiles - low) / extent / _EQUAL) * _EQUAL, return_inverse=True)
    # the outermost levels stand for half a step, as normal quantiles of 0 and 1 are infinite
    levels = (np.arange(len(quantiles)) + 0.5) / len(quantiles)
    middles = np.bincount(level_of, levels) / np.bincount(level_of)
    return GridCurve(low + places * extent, np.asarray(ndtri(middles), np.float64))
