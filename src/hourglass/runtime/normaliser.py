"""The map between the data's own units and what the nets see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Rows that are taken for one, because numpy begins anew with each.
_ABREAST = 64


def normalise(x: Any, offset: Any, scale: Any) -> Any:
    """``(x - offset) / scale``, the one definition for numpy arrays and torch tensors; give it float64."""
    return (x - offset) / scale


def denormalise(x: Any, offset: Any, scale: Any) -> Any:
    """Undo `normalise`."""
    return x * scale + offset


@dataclass(frozen=True)
class LogCurve:
    """``sign(x) log(1 + |x|)``: nearly x around 0, a logarithm far from it, of either sign."""

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bend values."""
        bent: NDArray[np.float64] = np.copysign(np.log1p(np.abs(x)), x)
        return bent

    def inverse(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo it."""
        with np.errstate(over="ignore"):
            straight: NDArray[np.float64] = np.copysign(np.expm1(np.abs(y)), y)
        return straight

    def config(self) -> Any:
        """Describe the curve as JSON."""
        return "log"


@dataclass(frozen=True)
class GridCurve:
    """Straight lines between knots; beyond the ends the outer lines go on, so that no value is lost.

    Parameters
    ----------
    knots, heights : ndarray of float64, shape (2 or more,)
        Where the lines meet, both strictly increasing.
    """

    knots: NDArray[np.float64]
    heights: NDArray[np.float64]

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bend values."""
        return _along(x, self.knots, self.heights)

    def inverse(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo it."""
        return _along(y, self.heights, self.knots)

    def config(self) -> Any:
        """Describe the curve as JSON."""
        return {"knots": self.knots.tolist(), "heights": self.heights.tolist()}


Curve = LogCurve | GridCurve


def curve_from_config(config: Any) -> Curve:
    """Read what a curve's ``config`` gave."""
    if config == "log":
        return LogCurve()
    return GridCurve(np.asarray(config["knots"], np.float64), np.asarray(config["heights"], np.float64))


@dataclass(frozen=True)
class Normaliser:
    """A map computed in float64, so that large offsets lose nothing, and given as float32.

    What is missing is filled, what has a curve is bent, and then comes ``(x - offset) / scale``. Most data needs the
    last alone.

    Parameters
    ----------
    offset, scale : ndarray of float64
        Of the rows' shape, or of shape () where all features share them; every scale is positive.
    curves : mapping of int to Curve
        By feature, of rows that are flat.
    fill : mapping of int to float
        What stands for a missing number (NaN), in the data's units; by feature.
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    curves: Mapping[int, Curve] = field(default_factory=dict)
    fill: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Normaliser":
        """Read what `config` gave."""
        return cls(
            np.asarray(config["offset"], np.float64),
            np.asarray(config["scale"], np.float64),
            {int(feature): curve_from_config(curve) for feature, curve in config.get("curves", {}).items()},
            {int(feature): float(number) for feature, number in config.get("fill", {}).items()},
        )

    def config(self) -> dict[str, Any]:
        """Describe the map as JSON; float64 survives the round trip exactly."""
        config: dict[str, Any] = {"offset": self.offset.tolist(), "scale": self.scale.tolist()}
        if self.curves:
            config["curves"] = {str(feature): curve.config() for feature, curve in self.curves.items()}
        if self.fill:
            config["fill"] = {str(feature): number for feature, number in self.fill.items()}
        return config

    @property
    def is_affine(self) -> bool:
        """Whether the map is ``(x - offset) / scale`` alone."""
        return not self.curves and not self.fill

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Bring rows into the nets' units."""
        values = x if self.is_affine else x.astype(np.float64)  # offset and scale make float64 of any other
        for feature, number in self.fill.items():
            values[np.isnan(values[:, feature]), feature] = number
        for feature, curve in self.curves.items():
            values[:, feature] = curve(values[:, feature])
        offset, scale = self.offset, self.scale
        if x.ndim > offset.ndim == 1 and len(x) and len(x) % _ABREAST == 0 and values.flags.c_contiguous:
            values, (offset, scale) = values.reshape(len(x) // _ABREAST, -1), self._abreast
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, which is not valid
            scaled: NDArray[np.float32] = normalise(values, offset, scale).astype(np.float32, order="C")
        return scaled.reshape(x.shape)

    @cached_property
    def _abreast(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Offset and scale of several rows that stand beside each other."""
        return np.tile(self.offset, _ABREAST), np.tile(np.broadcast_to(self.scale, self.offset.shape), _ABREAST)

    def inverse(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Bring rows back into the data's units; what was filled stays filled."""
        raw: NDArray[np.float64] = denormalise(x.astype(np.float64), self.offset, self.scale)
        for feature, curve in self.curves.items():
            raw[:, feature] = curve.inverse(raw[:, feature])
        return raw


def _along(x: NDArray[np.float64], knots: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate, and extrapolate by the first and last line."""
    line = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    slope = (heights[line + 1] - heights[line]) / (knots[line + 1] - knots[line])
    along: NDArray[np.float64] = heights[line] + (x - knots[line]) * slope
    return along
