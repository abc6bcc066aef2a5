"""Thresholds and p-values that hold for any score and any distribution.

Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world"; Laxhammar & Falkman 2010 for anomaly
detection. If a new normal row and the calibration rows are exchangeable, it raises an alarm with probability at most
alpha.
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def threshold(calibration: NDArray[np.float64], alpha: float) -> float:
    """Give the score above which a row is anomalous: the ``ceil((n + 1)(1 - alpha))``-th smallest of n.

    Raises
    ------
    InputError
        There are too few calibration rows: n + 1 < 1 / alpha.
    """
    n = len(calibration)
    # rounding first: (n + 1) * (1 - alpha) may lie an ulp above the integer that it is
    rank = ceil(round((n + 1) * (1 - alpha), 9))
    if rank > n:
        raise InputError(
            f"{n} calibration rows are too few for alpha = {alpha:g}: at least {ceil(round(1 / alpha, 9)) - 1} are "
            "needed; give more rows, a larger split.calibration or a larger anomaly.alpha."
        )
    return float(np.sort(calibration)[rank - 1])


def p_values(scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the conformal p-value of each score: ``(1 + #{calibration >= score}) / (n + 1)``.

    Parameters
    ----------
    scores : ndarray of shape (rows,)
    calibration : ndarray of shape (n,)
        Sorted in ascending order.
    """
    at_least = len(calibration) - np.searchsorted(calibration, scores, side="left")
    return (1 + at_least) / (len(calibration) + 1)
