"""Signs that a model is worthless, whatever its numbers say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def failures(
    scores: NDArray[np.float64], errors: NDArray[np.float64], untrained: NDArray[np.float64], posterior: dict[str, Any]
) -> list[str]:
    """List what is wrong, in words; an empty list is a model that may be ranked.

    Parameters
    ----------
    scores : ndarray of shape (rows,)
        Anomaly scores on selection.
    errors, untrained : ndarray of shape (rows,)
        Squared errors of normal rows, of the model and of its net before training.
    posterior : dict
        As `latent.posterior` gives it; empty for a model without one.
    """
    found = []
    if not np.isfinite(scores).all():
        found.append("scores are not finite")
    elif np.ptp(scores) <= 1e-9 * max(abs(scores).max(), np.finfo(float).tiny):
        found.append("all rows have the same score")
    if not errors.mean() < untrained.mean():
        found.append("it reconstructs no better than before training")
    if posterior and posterior["active_units"] == 0:
        found.append("the posterior collapsed: no latent unit is active; lower the KL's weight or lengthen its warm-up")
    return found
