"""How far two sets of rows are apart as Gaussians, in a space that is named.

The Fréchet *inception* distance is that of one particular network's features. Those here are principal components, so
values compare models of one data set with each other, and nothing with published ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Principal components of the training rows that make the space, at most.
COMPONENTS = 32


def space(components: int) -> str:
    """Name the space, for readers."""
    return f"the first {components} principal components of the training rows, in the nets' units"


def distance(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Squared Fréchet distance of the Gaussians with the sets' means and covariances.

    ``|m - n|^2 + tr(S + T - 2 (S T)^(1/2))`` (Dowson & Landau 1982, equation 4): 0 to infinity, lower is better. Few
    rows make it larger, so it is read beside that of as many real ones.

    Parameters
    ----------
    x, y : ndarray of shape (rows, features)
        At least two rows each.
    """
    first, second = (np.atleast_2d(part).astype(np.float64) for part in (x, y))
    apart = np.square(first.mean(0) - second.mean(0)).sum()
    s, t = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (first, second))
    values, vectors = np.linalg.eigh(s)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ t @ root).clip(0)).sum()
    return float(max(apart + np.trace(s) + np.trace(t) - 2 * shared, 0.0))
