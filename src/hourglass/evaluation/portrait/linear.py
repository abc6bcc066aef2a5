"""The best linear map from one array to another: what a translation has to beat."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Of the mean squared length of a row.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True)
class LinearMap:
    """``y = x weights + offset``, fitted by least squares with a penalty on the weights (ridge regression).

    Source: Hoerl & Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems", in the dual form of
    Saunders, Gammerman & Vovk 1998, whose cost is that of the rows and not of their width.

    Parameters
    ----------
    weights : ndarray of shape (inputs, outputs)
    offset : ndarray of shape (outputs,)
    strength : float
        The penalty, in parts of the mean squared length of a row.
    """

    weights: Array
    offset: Array
    strength: float

    @classmethod
    def of(cls, x: Array, y: Array, strength: float) -> Self:
        """Fit it to rows of shape (rows, inputs) and (rows, outputs)."""
        centre_x, centre_y = x.mean(axis=0), y.mean(axis=0)
        x, y = x - centre_x, y - centre_y
        products = x @ x.T
        penalty = max(strength * float(np.trace(products)) / len(x), np.finfo(np.float64).tiny)
        weights = x.T @ np.linalg.solve(products + penalty * np.eye(len(x)), y)
        return cls(weights, centre_y - centre_x @ weights, strength)

    @classmethod
    def tuned(cls, train: tuple[Array, Array], tuning: tuple[Array, Array]) -> Self:
        """Fit it to the first inputs and outputs, with the penalty that leaves the others the least squared error."""
        maps = [cls.of(*train, strength) for strength in STRENGTHS]
        return min(maps, key=lambda fitted: float(np.square(fitted(tuning[0]) - tuning[1]).mean()))

    def __call__(self, x: Array) -> Array:
        """Map rows of shape (rows, inputs)."""
        return x @ self.weights + self.offset
