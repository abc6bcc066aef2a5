"""How well rows come back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONFIDENCE = 0.95
#: Squared error that rounding to single precision leaves, about.
_ROUNDING = 1e-12


def row_errors(residuals: NDArray[Any]) -> NDArray[np.float64]:
    """Mean squared error of each row, in the nets' units: shape (rows,), 0 is perfect."""
    errors: NDArray[np.float64] = (residuals.astype(np.float64) ** 2).reshape(len(residuals), -1).mean(axis=1)
    return errors


def mean_error(errors: NDArray[np.float64]) -> dict[str, float]:
    """Mean squared error over all rows: 0 is perfect, without upper end, lower is better.

    Parameters
    ----------
    errors : ndarray of shape (rows,)
        Of each row.

    Returns
    -------
    dict
        ``mse`` and its standard error ``mse_se``: the standard deviation over rows, by the root of their number; 0 of a
        row alone.
    """
    spread = float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else 0.0
    return {"mse": float(errors.mean()), "mse_se": spread}


def relative_error(
    errors: NDArray[np.float64], baseline: NDArray[np.float64], *, resamples: int, seed: int
) -> dict[str, float]:
    """Squared error relative to a baseline's on the same rows, with its paired bootstrap interval.

    ``sum(errors) / sum(baseline)``: 0 is perfect, 1 is as good as the baseline, lower is better.

    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 13.

    Parameters
    ----------
    errors, baseline : ndarray of shape (rows,)
        Squared errors of the same rows.
    resamples : int
        Of the bootstrap.
    seed : int

    Returns
    -------
    dict
        ``relative_error``, ``relative_error_low``, ``relative_error_high`` (95 %, percentile).
    """
    draw = np.random.default_rng(seed)
    picks = (draw.integers(0, len(errors), len(errors)) for _ in range(resamples))
    ratios = [_ratio(errors[rows], baseline[rows]) for rows in picks]
    low, high = np.quantile(ratios, [0.5 - _CONFIDENCE / 2, 0.5 + _CONFIDENCE / 2])
    ratio = _ratio(errors, baseline)
    return {"relative_error": ratio, "relative_error_low": float(low), "relative_error_high": float(high)}


def _ratio(errors: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    """Divide sums of squared errors; below what rounding leaves, no two differ."""
    least = _ROUNDING * len(errors)
    return float(max(errors.sum(), least) / max(baseline.sum(), least))
