"""How well each kind of anomaly is told from normal rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation import detection


def of_each(
    scores: NDArray[np.float64],
    label: NDArray[np.int64],
    anomaly: NDArray[np.bool_],
    names: Sequence[str],
    alarm: float,
) -> dict[str, dict[str, Any]]:
    """Measure each anomalous class against all normal rows: a mean over classes hides the one that isn't seen.

    Parameters
    ----------
    scores : ndarray of shape (rows,)
    label : ndarray of int64, shape (rows,)
        Class codes.
    anomaly : ndarray of bool, shape (rows,)
        Some rows are normal.
    names : sequence of str
        Of the classes, by their codes.
    alarm : float
        The threshold.

    Returns
    -------
    dict of str to dict
        By the name of the class its ``rows``, ``auroc`` and ``detection_rate`` with their intervals, as `detection` has
        them.
    """
    found = {}
    for code in np.unique(label[anomaly]):
        of_class = anomaly & (label == code)
        chosen = of_class | ~anomaly
        measured: dict[str, Any] = {"rows": int(of_class.sum())}
        measured |= detection.auroc(scores[chosen], of_class[chosen])
        found[names[code]] = measured | detection.rate_above(scores[of_class], alarm, "detection_rate")
    return found
