"""Mean, spread and tails of numbers that pass by in blocks; merging is exact up to rounding, also far from zero."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Numbers of a row that are compared at once; numpy goes through short rows one by one.
_ABREAST = 512


@dataclass(frozen=True)
class Moments:
    """Count, mean, sum of squared deviations, smallest and largest of each column.

    Parameters
    ----------
    rows : int
    mean, squares, low, high : ndarray of float64
        Of the columns' shape.
    """

    rows: int
    mean: Floats
    squares: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, columns: Floats) -> Self:
        """Measure at least one row; columns have the shape (rows, ...)."""
        with np.errstate(over="ignore", invalid="ignore"):  # numbers too large are refused by name
            mean = columns.mean(axis=0)
            away = columns - mean
            squares = np.square(away, out=away).sum(axis=0)
        return cls(len(columns), mean, squares, *ends(columns))

    def merge(self, other: "Moments") -> "Moments":
        """Give the moments of both sets of rows (Chan, Golub & LeVeque 1983, equations 1.5a and b)."""
        rows = self.rows + other.rows
        with np.errstate(over="ignore", invalid="ignore"):
            step = other.mean - self.mean
            return Moments(
                rows,
                self.mean + step * (other.rows / rows),
                self.squares + other.squares + step**2 * (self.rows * other.rows / rows),
                np.minimum(self.low, other.low),
                np.maximum(self.high, other.high),
            )

    @property
    def deviation(self) -> Floats:
        """Standard deviation of each column, with the count as divisor."""
        deviation: Floats = np.sqrt(self.squares / self.rows)
        return deviation


def ends(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the smallest and the largest numbers of at least one row, of shape (rows, ...); what is missing is none."""
    flat = rows.reshape(len(rows), -1)
    abreast = max(1, _ABREAST // flat.shape[1])
    whole = len(flat) // abreast * abreast

    def extreme(of: "np.ufunc") -> NDArray[Any]:
        together = of.reduce(flat[:whole].reshape(-1, abreast * flat.shape[1])) if whole else flat[:0]
        left: NDArray[Any] = np.concatenate([together.reshape(-1, flat.shape[1]), flat[whole:]])
        return np.asarray(of.reduce(left)).reshape(rows.shape[1:])

    return extreme(np.fmin), extreme(np.fmax)


@dataclass(frozen=True)
class Tails:
    """Moments of one column, which may have no rows yet, and what its tails weigh.

    Parameters
    ----------
    moments : Moments or None
        None: there are no rows.
    cubes, fourths : float
        Sums of the third and fourth power of the deviations from the mean.
    """

    moments: Moments | None = None
    cubes: float = 0.0
    fourths: float = 0.0

    @classmethod
    def of(cls, numbers: Floats) -> Self:
        """Measure finite numbers."""
        if not len(numbers):
            return cls()
        with np.errstate(over="ignore", invalid="ignore"):
            mean = numbers.mean(axis=0)
            deviations = numbers - mean
            squares = deviations**2
            moments = Moments(len(numbers), mean, squares.sum(axis=0), numbers.min(axis=0), numbers.max(axis=0))
            return cls(moments, float((squares * deviations).sum()), float((squares**2).sum()))

    def merge(self, other: "Tails") -> "Tails":
        """Put two streams one after the other.

        Source: Pebay 2008, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
        statistical moments", section 3.
        """
        one, two = self.moments, other.moments
        if one is None or two is None:
            return self if two is None else other
        a, b, n = float(one.rows), float(two.rows), float(one.rows + two.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            d = two.mean - one.mean
            fourths = d**4 * a * b * (a * a - a * b + b * b) / n**3
            fourths += 6 * d**2 * (a * a * two.squares + b * b * one.squares) / n**2
            fourths += 4 * d * (a * other.cubes - b * self.cubes) / n
            cubes = d**3 * a * b * (a - b) / n**2 + 3 * d * (a * two.squares - b * one.squares) / n
            return Tails(
                one.merge(two), float(self.cubes + other.cubes + cubes), float(self.fourths + other.fourths + fourths)
            )

    @property
    def is_constant(self) -> bool:
        """Whether there are numbers, all the same."""
        return self.moments is not None and bool(self.moments.low == self.moments.high)

    @property
    def kurtosis(self) -> float:
        """Fourth power of the standardised numbers on average: 3 for the normal distribution; NaN where there is none.

        A constant has none: its deviations are rounding.
        """
        if self.moments is None or self.is_constant:
            return float("nan")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return float(np.float64(self.fourths) * self.moments.rows / self.moments.squares**2)
