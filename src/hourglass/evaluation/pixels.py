"""How well maps of images show where something is wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from hourglass.evaluation.detection import area_with_interval, placements

Maps = Sequence[NDArray[np.float64]]
Masks = Sequence[NDArray[np.bool_]]

#: Share of normal pixels that may lie above the threshold of `region_recall`, and up to which `region_overlap` goes.
FALSE_PIXELS, _MOST_FALSE_PIXELS = 0.05, 0.3
#: Pixels that touch at a corner are of one region, as in the evaluation that comes with MVTec AD.
_NEIGHBOURS = np.ones((3, 3), int)


def measured(maps: Maps, masks: Masks) -> dict[str, float]:
    """Measure maps against masks: `pixel_auroc`, `region_overlap` and `region_recall`.

    Parameters
    ----------
    maps : sequence of ndarray of shape (height, width)
        Of each image the score of each pixel; images may differ in size.
    masks : sequence of ndarray of bool, shape (height, width)
        Where it is anomalous. Some pixels are, and some aren't.
    """
    return pixel_auroc(maps, masks) | {
        "region_overlap": region_overlap(maps, masks),
        "region_recall": region_recall(maps, masks, FALSE_PIXELS),
    }


def pixel_auroc(maps: Maps, masks: Masks) -> dict[str, float]:
    """Probability that a random anomalous pixel lies higher on its map than a random normal one; ties count one half.

    Over the pixels of all images at once, those of normal images too, so that large anomalies count most. From 0 to 1,
    higher is better, .5 is chance. The 95 % interval takes images, not pixels, for independent: DeLong's for clusters,
    symmetric on the logit scale.

    Source: Bergmann et al. 2021, "The MVTec anomaly detection dataset", section 5; Obuchowski 1997, "Nonparametric
    analysis of clustered ROC curve data", for the variance.

    Returns
    -------
    dict
        ``pixel_auroc``, ``pixel_auroc_low``, ``pixel_auroc_high``.
    """
    image = np.repeat(np.arange(len(maps)), [one.size for one in maps])
    scores, anomaly = _flat(maps), _flat(masks)
    above, below = placements(scores, anomaly)
    area = float(above.mean())
    parts = [
        (np.bincount(of, share - area, len(maps)) / len(share), len(np.unique(of)))
        for share, of in ((above, image[anomaly]), (below, image[~anomaly]))
    ]
    variance = sum(images / (images - 1) * float(apart @ apart) if images > 1 else np.nan for apart, images in parts)
    both = 2 * len(maps) / max(1, len(maps) - 1) * float(parts[0][0] @ parts[1][0])
    return area_with_interval("pixel_auroc", area, variance + both, min(images for _, images in parts))


def region_overlap(maps: Maps, masks: Masks) -> float:
    """Area under the mean share of a region above a threshold, over the share of normal pixels above it: AU-PRO.

    Up to 30 % of normal pixels, over .3. A region is what hangs together, also by corners, and each counts the same,
    however small it is. From 0 to 1, higher is better; .15 is chance.

    Source: Bergmann et al. 2020, "Uninformed students", section 4 (per-region overlap).
    """
    scores, anomaly = _flat(maps), _flat(masks)
    weights = np.concatenate([_weights(mask).reshape(-1) for mask in masks])
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.append(0.0, (weights[order].cumsum() / weights.sum())[last_of_ties])
    false = np.append(0.0, ((~anomaly[order]).cumsum() / (~anomaly).sum())[last_of_ties])
    within = false < _MOST_FALSE_PIXELS
    x = np.append(false[within], _MOST_FALSE_PIXELS)
    y = np.append(found[within], np.interp(_MOST_FALSE_PIXELS, false, found))
    return float(np.trapezoid(y, x) / _MOST_FALSE_PIXELS)


def region_recall(maps: Maps, masks: Masks, rate: float) -> float:
    """Mean share of an anomalous region that lies above the threshold at which so many normal pixels do.

    Regions as of `region_overlap`, of which this is one point. From 0 to 1, higher is better.

    Source: Bergmann et al. 2020, "Uninformed students", section 4.

    Parameters
    ----------
    maps, masks
        As of `measured`.
    rate : float
        Share of normal pixels above the threshold, between 0 and 1.
    """
    normal = np.concatenate([one[~mask] for one, mask in zip(maps, masks, strict=True)])
    threshold = np.quantile(normal, 1 - rate)
    weights = np.concatenate([_weights(mask).reshape(-1) for mask in masks])
    return float(weights[_flat(maps) > threshold].sum() / weights.sum())


def _weights(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give each pixel of a region its share of the region; normal pixels weigh nothing."""
    regions, count = label(mask, _NEIGHBOURS)
    sizes = np.bincount(regions.reshape(-1), minlength=count + 1)
    shares: NDArray[np.float64] = np.where(mask, 1 / sizes[regions], 0.0)
    return shares


def _flat(images: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([one.reshape(-1) for one in images])
