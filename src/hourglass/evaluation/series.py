"""How well anomalies of series are found, without point adjustment.

Point adjustment counts a whole labelled stretch as found where one of its points raises an alarm, so that random
scores reach high values (Kim et al. 2022, "Towards a rigorous evaluation of time-series anomaly detection"). Nothing
here does.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from hourglass.evaluation.detection import CONFIDENCE, Flags, Scores

Segments = NDArray[np.int64]


def vus_pr(scores: Scores, anomaly: Flags, segment: Segments, buffer: int) -> float:
    """Volume under the surface of precision and recall, over buffers of 0 to `buffer` points around each anomaly.

    For a buffer l, a point at distance d <= l / 2 of an anomaly counts as anomalous by sqrt(1 - d / l). With these
    labels, the precision of the alarms of a threshold is their label's mean, and the recall their label's sum over the
    mean of the sums of both kinds of label, at most 1, times the share of the anomalies, with their buffers, that hold
    an alarm. The area is the sum of precisions times what the recall gains, over all thresholds; the volume is its mean
    over the buffers. From about the share of anomalous points to 1, higher is better.

    Source: Paparrizos, Boniol, Palpanas, Tsay, Elmore & Franklin 2022, "Volume under the surface", sections 3 and 4.
    The buffers here are of one length on both sides, and all thresholds are taken, not 250.

    Parameters
    ----------
    scores : ndarray of shape (points,)
        In the order of time.
    anomaly : ndarray of bool, shape (points,)
        Some points are anomalous.
    segment : ndarray of int64, shape (points,)
        Number of the stretch without a gap that a point lies in, ascending; no buffer reaches into another.
    buffer : int
        The largest, in points; usual is the length of a window or a period.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    apart = _distance(anomaly, segment)
    areas = [_area(scores, anomaly, segment, _soft(apart, length), order, last) for length in range(buffer + 1)]
    return float(np.mean(areas))


def _soft(apart: NDArray[np.float64], length: int) -> Scores:
    """Label points by their distance from an anomaly."""
    reach = length // 2
    return np.where(apart <= reach, np.sqrt(np.clip(1 - apart / max(length, 1), 0, 1)), 0.0)


def _distance(anomaly: Flags, segment: Segments) -> NDArray[np.float64]:
    """Give the distance of each point from the next anomalous one of its segment; infinite where it has none."""
    place = np.arange(len(anomaly), dtype=np.float64)
    found = np.full(len(anomaly), np.inf)
    for turn in (slice(None), slice(None, None, -1)):
        flags, segments = anomaly[turn], segment[turn]
        seen = np.maximum.accumulate(np.where(flags, place, -1.0))
        first = np.maximum.accumulate(np.where(np.diff(segments, prepend=segments[0] - 1) != 0, place, 0.0))
        apart = np.where(seen >= first, place - seen, np.inf)
        found = np.minimum(found, apart[turn])
    return found


def _area(
    scores: Scores,
    anomaly: Flags,
    segment: Segments,
    soft: Scores,
    order: NDArray[np.intp],
    last: NDArray[np.intp],
) -> float:
    """Area under precision and recall for one buffer."""
    true_alarms = np.cumsum(soft[order])[last]
    recall = np.minimum(true_alarms / ((anomaly.sum() + soft.sum()) / 2), 1)
    best = np.sort([scores[first:stop].max() for first, stop in runs(soft > 0, segment)])
    recall *= (len(best) - np.searchsorted(best, scores[order[last]], side="left")) / len(best)
    precision = true_alarms / (last + 1)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def runs(flags: Flags, segment: Segments) -> NDArray[np.int64]:
    """Find the runs of flagged points, each within a segment: the first point of each, and the one behind its last."""
    inside = np.append(np.where(flags, segment - segment.min() + 1, 0), 0)
    borders = np.flatnonzero(np.diff(inside, prepend=0))
    found = [(first, stop) for first, stop in pairwise(borders) if inside[first]]
    return np.array(found, np.int64).reshape(-1, 2)


def events(alarm: Flags, anomaly: Flags, segment: Segments, points_per_day: float) -> dict[str, Any]:
    """Count the anomalies that hold an alarm, and the alarms beside all of them.

    An event is a run of anomalous points; it is hit where at least one of its points raises an alarm. A false alarm is
    a run of alarms that touches no event.

    Parameters
    ----------
    alarm, anomaly : ndarray of bool, shape (points,)
        In the order of time; some points are anomalous.
    segment : ndarray of int64, shape (points,)
        As of `vus_pr`.
    points_per_day : float

    Returns
    -------
    dict
        ``events``; ``event_recall``, the share that is hit, from 0 to 1, higher is better, with its exact interval
        (Clopper & Pearson 1934); ``false_alarms_per_day``, over the days without anomaly, from 0, lower is better.
    """
    of_event = runs(anomaly, segment)
    hits = sum(bool(alarm[first:stop].any()) for first, stop in of_event)
    interval = binomtest(hits, len(of_event)).proportion_ci(CONFIDENCE, method="exact")
    false = sum(not anomaly[first:stop].any() for first, stop in runs(alarm, segment))
    days = (~anomaly).sum() / points_per_day
    return {
        "events": len(of_event),
        "event_recall": hits / len(of_event),
        "event_recall_low": float(interval.low),
        "event_recall_high": float(interval.high),
        "false_alarms_per_day": float(false / days) if days else 0.0,
    }


def of_windows(
    scores: Scores,
    anomaly: Flags,
    index: NDArray[np.int64],
    *,
    borders: NDArray[np.int64],
    reach: int,
    per_day: float,
    threshold: float | None,
) -> dict[str, Any]:
    """Measure the windows of a split by their order in time.

    Parameters
    ----------
    scores : ndarray of shape (windows,)
    anomaly : ndarray of bool, shape (windows,)
        Some windows are anomalous.
    index : ndarray of int64, shape (windows,)
        Their numbers in the snapshot, in the order of time; one that is left out is a border, too.
    borders : ndarray of int64, shape (borders,)
        Numbers, ascending, of those before which a series begins or readings are missing. No buffer, event or run of
        alarms crosses a border.
    reach : int
        Windows from one to the first that doesn't overlap it, the largest buffer of `vus_pr`.
    per_day : float
        Windows that start in a day.
    threshold : float or None
        None: a score without one, whose events aren't counted.

    Returns
    -------
    dict
        ``vus_pr`` and what `events` tells.
    """
    order = np.argsort(index)
    scores, anomaly, index = scores[order], anomaly[order], index[order]
    begins = (np.diff(index, prepend=-2) != 1) | np.isin(index, borders)
    segment = np.cumsum(begins)
    found: dict[str, Any] = {"vus_pr": vus_pr(scores, anomaly, segment, reach)}
    return found if threshold is None else found | events(scores > threshold, anomaly, segment, per_day)
