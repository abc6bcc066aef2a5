"""Confidence bands around the curves of detection."""

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.detection import CONFIDENCE, Flags, Scores, resample

#: Points along the axis that a band is given at.
_POINTS = 101
#: Resamples behind the band of precision, at most: a picture shows no more.
_RESAMPLES = 200

Band = list[list[float]]


def roc(scores: Scores, anomaly: Flags) -> Band:
    """Give the band that holds the whole ROC curve of all rows there could be, with 95 % confidence.

    The inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant bounds how far the rate of false alarms,
    and that of true ones, lie from their expectation at any threshold: ``sqrt(log(2 / a) / 2n)`` for n rows of a class.
    Both hold together where each has the confidence of the root of .95, for the classes are drawn apart. Whatever the
    scores are like, the band covers the curve at least so often; it is wide where anomalies are few.

    Source: Massart 1990; Macskassy, Provost & Rosset 2005, "ROC confidence bands" (simultaneous joint regions).

    Returns
    -------
    list of [x, low, high]
        False-alarm rate, and between which detection rates the curve lies there.
    """
    miss = 1 - sqrt(CONFIDENCE)
    aside, up = (sqrt(log(2 / miss) / (2 * count)) for count in (int((~anomaly).sum()), int(anomaly.sum())))
    false_alarms, true_alarms = _rates(scores, anomaly)
    x = np.linspace(0, 1, _POINTS)
    low = _step(false_alarms, true_alarms, x - aside) - up
    high = np.where(x + aside >= 1, 1.0, _step(false_alarms, true_alarms, x + aside) + up)
    return _listed(x, low, high)


def precision_recall(scores: Scores, anomaly: Flags, *, resamples: int, seed: int) -> Band:
    """Give the 95 % interval of the precision at each recall: percentiles of a bootstrap within each class.

    The share of anomalies is that of the rows themselves. The intervals hold one by one, not all at once.

    Returns
    -------
    list of [x, low, high]
        Recall, and between which precisions the curve lies there.
    """
    order = np.argsort(-scores, kind="stable")
    hits = anomaly[order]
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    x = np.linspace(0, 1, _POINTS)[1:]
    draw = np.random.default_rng(seed)
    found = np.empty((min(resamples, _RESAMPLES), len(x)))
    for curve in found:
        counts = resample(hits, draw)
        true_alarms, alarms = np.cumsum(counts * hits)[last], np.cumsum(counts)[last]
        precision = np.divide(true_alarms, alarms, out=np.ones_like(alarms), where=alarms > 0)
        reached = np.searchsorted(true_alarms, x * true_alarms[-1] * (1 - 1e-12))
        curve[:] = precision[reached]
    low, high = np.quantile(found, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=0)
    return _listed(x, low, high)


def _rates(scores: Scores, anomaly: Flags) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the rates of false and of true alarms at every threshold, ascending, from none on."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    counts = [np.concatenate([[0], np.cumsum(flags[order])[last]]) for flags in (~anomaly, anomaly)]
    return counts[0] / counts[0][-1], counts[1] / counts[1][-1]


def _step(x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read rising steps at some places: the highest value at or left of each, 0 before the first."""
    place = np.searchsorted(x, at, side="right") - 1
    return np.where(place >= 0, y[place], 0.0)


def _listed(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> Band:
    return [[float(value) for value in point] for point in zip(x, low.clip(0, 1), high.clip(0, 1), strict=True)]
