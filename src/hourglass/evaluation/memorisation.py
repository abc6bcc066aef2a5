"""Whether what is drawn was only remembered."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from sklearn.metrics import pairwise_distances_argmin_min

#: Training rows that are searched, at most.
ROWS = 10_000


def nearest(rows: NDArray[Any], train: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the nearest training row of each row: its place and its Euclidean distance, both of shape (rows,)."""
    flat = [part.reshape(len(part), -1).astype(np.float64) for part in (rows, train)]
    places, distances = pairwise_distances_argmin_min(*flat)
    return places, distances


def memorised(drawn: NDArray[np.float64], held_out: NDArray[np.float64]) -> float:
    """Probability that a drawn row is nearer to the training rows than a held-out row is.

    One half where nothing is remembered, 1 where training rows are copied; below one half, what is drawn is further
    from them than real rows are (Meehan, Chaudhuri & Dasgupta 2020, "A three sample hypothesis test for evaluating
    generative models", section 3.1). The expected rows that a decoder gives are smoother than real ones, which alone
    brings them nearer to everything.

    Parameters
    ----------
    drawn, held_out : ndarray of shape (rows,)
        Distances to the nearest training row.
    """
    larger = mannwhitneyu(held_out, drawn, method="asymptotic").statistic
    return float(larger / (len(drawn) * len(held_out)))
