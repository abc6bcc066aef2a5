"""Waves laid through the latent space, whose means tell two sets of codes apart in all that they may differ in.

The means of ``cos(w z)`` and ``sin(w z)`` are the characteristic function at w. Two distributions with the same one are
the same, and the squared distance over random w estimates the MMD with a Gaussian kernel.

Source: Rahimi & Recht 2007, "Random features for large-scale kernel machines"; Chwialkowski, Ramdas, Sejdinovic &
Gretton 2015, "Fast two-sample testing with analytic representations of probability measures".
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.drift.bins import Floats, Ints

#: Waves, each a cosine and a sine; fewer where there are few rows to learn their spread from.
WAVES, _ROWS_PER_WAVE = 8, 20
#: Parts of a turn, parts of a code's standard deviation, and how many of these a code may be away from the middle.
_TURN, _STEPS, _REACH = 4096, 256, 8
#: Weights are whole numbers of these.
_FINE = 1024
#: What an amplitude of 1 is in whole numbers.
AMPLITUDE = 4096


@dataclass(frozen=True)
class Sums:
    """Sums over rows of what waves gave, in whole numbers: they are the same whatever the order of rows.

    Parameters
    ----------
    rows : int
    sums : ndarray of int64, shape (features,)
    products : ndarray of int64, shape (features, features)
    """

    rows: int
    sums: Ints
    products: Ints

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.rows + other.rows, self.sums + other.sums, self.products + other.products)

    @property
    def mean(self) -> Floats:
        """Mean of each feature."""
        return self.sums / (self.rows * AMPLITUDE)

    @property
    def scatter(self) -> Floats:
        """Sum of the squared deviations from the mean: shape (features, features)."""
        return self.products / AMPLITUDE**2 - self.rows * np.outer(self.mean, self.mean)

    def config(self) -> dict[str, Any]:
        """Describe the sums as JSON."""
        return {"rows": self.rows, "sums": self.sums.tolist(), "products": self.products.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        sums = np.array(config["sums"], np.int64)
        return cls(config["rows"], sums, np.array(config["products"], np.int64).reshape(len(sums), len(sums)))


@dataclass(frozen=True)
class Waves:
    """Random waves through codes that are centred and scaled.

    Everything after the scaling is done in whole numbers, with a table of the sine, so that a code gives the same
    numbers on every machine and in every part of a batch.

    Parameters
    ----------
    middle, scale : ndarray of shape (latent,)
    weights : ndarray of int64, shape (latent, waves)
        How much of a turn a step along a unit is.
    """

    middle: Floats
    scale: Floats
    weights: Ints

    @classmethod
    def through(cls, codes: NDArray[Any]) -> Self:
        """Lay waves through codes of shape (rows, latent), as long as they spread."""
        rows, latent = codes.shape
        numbers = codes.astype(np.float64)
        scale = numbers.std(axis=0)
        draw = np.random.Generator(np.random.Philox(0))
        waves = min(WAVES, rows // _ROWS_PER_WAVE)
        turns = draw.standard_normal((latent, waves)) / (2 * np.pi * np.sqrt(latent))
        weights = np.rint(turns * _TURN * _FINE / _STEPS).astype(np.int64)
        return cls(numbers.mean(axis=0), np.where(scale > 0, scale, 1.0), weights)

    def __call__(self, codes: NDArray[Any]) -> Sums:
        """Sum up codes of shape (rows, latent), none of which is missing."""
        steps = np.rint((codes.astype(np.float64) - self.middle) / self.scale * _STEPS)
        steps = steps.clip(-_REACH * _STEPS, _REACH * _STEPS)
        turned = (steps @ self.weights.astype(np.float64)).astype(np.int64) // _FINE  # whole numbers below 2**53
        features = np.concatenate([_SINE[(turned + _TURN // 4) % _TURN], _SINE[turned % _TURN]], axis=1)
        products = features.T.astype(np.float64) @ features.astype(np.float64)
        return Sums(len(codes), features.sum(axis=0), products.astype(np.int64))

    def config(self) -> dict[str, Any]:
        """Describe the waves as JSON."""
        return {"middle": self.middle.tolist(), "scale": self.scale.tolist(), "weights": self.weights.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        middle = np.array(config["middle"], np.float64)
        weights = np.array(config["weights"], np.int64).reshape(len(middle), -1)
        return cls(middle, np.array(config["scale"], np.float64), weights)


_SINE: Ints = np.rint(AMPLITUDE * np.sin(2 * np.pi * np.arange(_TURN) / _TURN)).astype(np.int64)
