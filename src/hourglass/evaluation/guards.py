"""Signs that a model is worthless, whatever its numbers say."""

from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from hourglass.drift.overlap import apart, unlike
from hourglass.models.shared.alarms import POSTERIOR_COLLAPSED, WORDS
from hourglass.runtime import Model

#: How improbable the alarms on selection must be, if the promise of the threshold held, to call it broken.
CALIBRATION_LEVEL = 0.001


def failures(
    model: Model,
    scores: NDArray[np.float64],
    anomaly: NDArray[np.bool_],
    stretches: NDArray[np.int64],
    posterior: dict[str, Any],
) -> list[str]:
    """List what is wrong with a packaged model, in words; an empty list is a model that may be ranked and promoted.

    Parameters
    ----------
    model : Model
    scores : ndarray of shape (rows,)
        Its anomaly scores on selection.
    anomaly : ndarray of bool, shape (rows,)
    stretches : ndarray of int64, shape (rows,)
        As `Dataset.stretches` numbers them.
    posterior : dict
        What is known of codes; ``active_units`` of a variational model, as `latent.posterior` gives it.
    """
    found = []
    if not np.isfinite(scores).all():
        found.append("scores are not finite")
    elif np.ptp(scores) <= 1e-9 * max(abs(scores).max(), np.finfo(float).tiny):
        found.append("all rows have the same score")
    if posterior.get("active_units") == 0:
        found.append(WORDS[POSTERIOR_COLLAPSED])
    raised, alpha = scores[~anomaly] > model.threshold, model.config["alpha"]
    alarms, share = int(raised.sum()), min(apart(model.schema), unlike(raised, stretches[~anomaly]))
    probability = chance_of_alarms(alarms, len(raised), len(model.calibration), alpha, share)
    if probability < CALIBRATION_LEVEL:
        found.append(
            f"calibration is off: {alarms} of {len(raised)} normal rows raise an alarm, promised was a share of "
            f"{alpha:g} (probability {probability:.1e} if that held); the calibration rows are unlike the present ones"
        )
    return found


def untrained(errors: NDArray[np.float64], before: NDArray[np.float64]) -> list[str]:
    """Tell whether training was in vain, by the squared errors of normal rows after and before it, of shape (rows,)."""
    return [] if errors.mean() < before.mean() else ["it reconstructs no better than before training"]


def chance_of_alarms(seen: int, rows: int, calibration: int, alpha: float, apart: float = 1.0) -> float:
    """Give the probability of at least so many false alarms if normal rows are exchangeable with the calibration rows.

    Given its calibration rows, the false-alarm rate of a conformal threshold is itself random: Beta(n + 1 - k, k) for
    the k-th smallest of n scores, or less with ties. The number of alarms then is beta-binomial. Rows that overlap or
    are alike say as much as the share of them that are `apart`, so their numbers count by it.

    Source: Vovk 2012, "Conditional validity of inductive conformal predictors".
    """
    rank = ceil(round((calibration + 1) * (1 - alpha), 9))
    beyond, within = apart * (calibration + 1 - rank), apart * rank
    return float(betabinom.sf(floor(apart * seen) - 1, floor(apart * rows), beyond, within))
