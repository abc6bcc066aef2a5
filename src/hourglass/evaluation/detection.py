"""How well scores tell anomalies from normal rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, binomtest, norm, rankdata
from sklearn.metrics import precision_recall_curve, roc_curve

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Of every interval.
CONFIDENCE = 0.95
_CURVE_POINTS = 200


def auroc(scores: Scores, anomaly: Flags) -> dict[str, float]:
    """Area under the ROC curve with its DeLong interval.

    The probability that a random anomaly scores higher than a random normal row, ties counting one half; from 0 to 1,
    higher is better, .5 is chance. The 95 % interval is symmetric on the logit scale. Where there is no variance to
    estimate (one row of a class, or a perfect separation), it is the exact one of as many independent pairs of rows as
    there are.

    Source: DeLong, DeLong & Clarke-Pearson 1988; the fast form of Sun & Xu 2014. Clopper & Pearson 1934.

    Returns
    -------
    dict
        ``auroc``, ``auroc_low``, ``auroc_high``.
    """
    above, below = placements(scores, anomaly)
    variance = sum(part.var(ddof=1) / len(part) if len(part) > 1 else np.nan for part in (above, below))
    return area_with_interval("auroc", float(above.mean()), float(variance), min(len(above), len(below)))


def area_with_interval(name: str, area: float, variance: float, pairs: int) -> dict[str, float]:
    """Give an AUROC and its 95 % interval, as ``NAME``, ``NAME_low``, ``NAME_high``; see `auroc`.

    Parameters
    ----------
    name : str
    area, variance : float
        NaN or 0 where no variance can be estimated.
    pairs : int
        Independent pairs of an anomaly and a normal row, which the interval then rests on.
    """
    if variance > 0:
        half = norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(variance) / (area * (1 - area))
        low, high = expit(logit(area) - half), expit(logit(area) + half)
    else:
        low = beta.ppf(0.5 - CONFIDENCE / 2, pairs * area, pairs * (1 - area) + 1) if area > 0 else 0.0
        high = beta.ppf(0.5 + CONFIDENCE / 2, pairs * area + 1, pairs * (1 - area)) if area < 1 else 1.0
    return {name: area, f"{name}_low": float(low), f"{name}_high": float(high)}


def placements(scores: Scores, anomaly: Flags) -> tuple[Scores, Scores]:
    """Give the share of normal rows below each anomaly, and of anomalies above each normal row; ties count one half.

    The mean of either is the AUROC; their variances are DeLong's.
    """
    positive, negative = scores[anomaly], scores[~anomaly]
    joint = rankdata(np.concatenate([positive, negative]))
    above = (joint[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (joint[len(positive) :] - rankdata(negative)) / len(positive)
    return above, below


def average_precision(scores: Scores, anomaly: Flags, *, resamples: int, seed: int) -> dict[str, float]:
    """Average precision with its bootstrap interval.

    ``sum_n (R_n - R_(n-1)) P_n`` of recall and precision at the n-th threshold, without interpolation; 0 to 1, higher
    is better, the share of anomalies is chance. The 95 % interval is the percentile bootstrap within each class.

    Source: Boyd, Eng & Page 2013, "Area under the precision-recall curve: point estimates and confidence intervals".

    Returns
    -------
    dict
        ``average_precision``, ``average_precision_low``, ``average_precision_high``.
    """
    order = np.argsort(-scores, kind="stable")
    hits = anomaly[order]
    last_of_ties = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    draw = np.random.default_rng(seed)
    found = [_precision_area(resample(hits, draw), hits, last_of_ties) for _ in range(resamples)]
    low, high = np.quantile(found, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    area = _precision_area(np.ones(len(hits)), hits, last_of_ties)
    return {"average_precision": area, "average_precision_low": float(low), "average_precision_high": float(high)}


def resample(hits: Flags, draw: np.random.Generator) -> NDArray[np.float64]:
    """Say how often each row is drawn by a bootstrap within the two classes."""
    counts = np.empty(len(hits))
    for rows in (np.flatnonzero(hits), np.flatnonzero(~hits)):
        counts[rows] = np.bincount(draw.integers(0, len(rows), len(rows)), minlength=len(rows))
    return counts


def _precision_area(counts: NDArray[np.float64], hits: Flags, last_of_ties: NDArray[np.int64]) -> float:
    """Average precision of rows in descending order of score, each counted so many times."""
    true_alarms = np.cumsum(counts * hits)[last_of_ties]
    alarms = np.cumsum(counts)[last_of_ties]
    gained = np.diff(true_alarms, prepend=0.0) / true_alarms[-1]
    precision = np.divide(true_alarms, alarms, out=np.zeros_like(alarms), where=alarms > 0)
    return float((gained * precision).sum())


def rate_above(scores: Scores, threshold: float, name: str) -> dict[str, float]:
    """Share of scores above a threshold, 0 to 1, with its exact 95 % interval: of anomalies higher is better."""
    return share(int((scores > threshold).sum()), len(scores), name)


def share(hits: int, count: int, name: str) -> dict[str, float]:
    """Give a share and its exact 95 % interval (Clopper & Pearson 1934), as ``NAME``, ``NAME_low``, ``NAME_high``."""
    interval = binomtest(hits, count).proportion_ci(CONFIDENCE, method="exact")
    return {name: hits / count, f"{name}_low": float(interval.low), f"{name}_high": float(interval.high)}


def curves(scores: Scores, anomaly: Flags) -> dict[str, Any]:
    """Give the ROC and precision-recall curves, thinned to what a picture shows.

    Returns
    -------
    dict
        ``roc`` and ``pr``, each a list of ``[x, y]``: false against true alarms, recall against precision.
    """
    false_alarms, true_alarms, _ = roc_curve(anomaly, scores)
    precision, recall, _ = precision_recall_curve(anomaly, scores)
    return {"roc": _thin(false_alarms, true_alarms), "pr": _thin(recall[::-1], precision[::-1])}


def _thin(x: Scores, y: Scores) -> list[list[float]]:
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _CURVE_POINTS)).round().astype(int))
    return [[float(a), float(b)] for a, b in zip(x[keep], y[keep], strict=True)]
