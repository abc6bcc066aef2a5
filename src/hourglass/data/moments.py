"""Mean, spread and tails of a stream of numbers, whatever the blocks that it comes in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Count, mean, sums of powers of the deviations from it, and the ends.

    Parameters
    ----------
    count : int
    mean : float
    m2, m3, m4 : float
        Sums of the second, third and fourth power of the deviations.
    low, high : float
    """

    count: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> "Moments":
        """Measure finite numbers."""
        if not len(numbers):
            return cls()
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(numbers.mean())
            deviations = numbers - mean
            squares = deviations**2
            return cls(
                len(numbers),
                mean,
                float(squares.sum()),
                float((squares * deviations).sum()),
                float((squares**2).sum()),
                float(numbers.min()),
                float(numbers.max()),
            )

    def merge(self, other: "Moments") -> "Moments":
        """Put two streams one after the other.

        Source: Pebay 2008, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
        statistical moments", section 3.
        """
        if not self.count or not other.count:
            return self if self.count else other
        a, b, n = float(self.count), float(other.count), float(self.count + other.count)
        with np.errstate(over="ignore", invalid="ignore"):
            d = np.float64(other.mean) - self.mean
            m4 = d**4 * a * b * (a * a - a * b + b * b) / n**3
            m4 += 6 * d**2 * (a * a * other.m2 + b * b * self.m2) / n**2 + 4 * d * (a * other.m3 - b * self.m3) / n
            m3 = d**3 * a * b * (a - b) / n**2 + 3 * d * (a * other.m2 - b * self.m2) / n
            return Moments(
                self.count + other.count,
                float(self.mean + d * b / n),
                float(self.m2 + other.m2 + d**2 * a * b / n),
                float(self.m3 + other.m3 + m3),
                float(self.m4 + other.m4 + m4),
                min(self.low, other.low),
                max(self.high, other.high),
            )

    @property
    def std(self) -> float:
        """Standard deviation."""
        return float(np.sqrt(self.m2 / self.count)) if self.count else 0.0

    @property
    def kurtosis(self) -> float:
        """Fourth power of the standardised numbers on average: 3 for the normal distribution; NaN of a constant."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return float(np.float64(self.m4) * self.count / np.float64(self.m2) ** 2)
