"""How well maps of images show where something is wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.stats import rankdata


def pixel_auroc(maps: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.bool_]]) -> float:
    """Probability that a random anomalous pixel lies higher on its map than a random normal one; ties count one half.

    Over the pixels of all images at once, those of normal images too, so that large anomalies count most. From 0 to 1,
    higher is better, .5 is chance.

    Source: Bergmann et al. 2021, "The MVTec anomaly detection dataset", section 5.

    Parameters
    ----------
    maps : sequence of ndarray of shape (height, width)
        Of each image the score of each pixel; images may differ in size.
    masks : sequence of ndarray of bool, shape (height, width)
        Where it is anomalous. Some pixels are, and some aren't.
    """
    scores = np.concatenate([one.reshape(-1) for one in maps])
    anomaly = np.concatenate([one.reshape(-1) for one in masks])
    count = int(anomaly.sum())
    ranks = rankdata(scores)[anomaly].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(anomaly) - count)))


def region_recall(maps: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.bool_]], rate: float) -> float:
    """Mean share of an anomalous region that lies above the threshold at which so many normal pixels do.

    Regions are connected by edges, and each counts the same, however small it is. From 0 to 1, higher is better.

    Source: Bergmann et al. 2020, "Uninformed students", section 4 (per-region overlap).

    Parameters
    ----------
    maps, masks
        As of `pixel_auroc`.
    rate : float
        Share of normal pixels above the threshold, between 0 and 1.
    """
    normal = np.concatenate([one[~mask] for one, mask in zip(maps, masks, strict=True)])
    threshold = np.quantile(normal, 1 - rate)
    shares: list[float] = []
    for one, mask in zip(maps, masks, strict=True):
        regions, count = label(mask)
        shares += [float((one[regions == region] > threshold).mean()) for region in range(1, count + 1)]
    return float(np.mean(shares))
