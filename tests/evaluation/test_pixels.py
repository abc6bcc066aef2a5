"""Maps are held against masks, pixel by pixel and region by region."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hourglass.evaluation.pixels import pixel_auroc, region_recall


def test_pixel_auroc_is_that_of_scikit_learn_over_the_pixels_of_images_of_any_size() -> None:
    draw = np.random.default_rng(0)
    masks = [draw.random((6, 8)) < 0.2, draw.random((5, 5)) < 0.4, np.zeros((3, 4), bool)]
    maps = [draw.normal(mask * 1.0).round(1) for mask in masks]
    flat = [np.concatenate([one.reshape(-1) for one in ones]) for ones in (masks, maps)]
    assert pixel_auroc(maps, masks) == pytest.approx(roc_auc_score(*flat))


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0] = True
    mask[4:9, 4:9] = True
    shown = np.zeros((10, 10))
    shown[4:9, 4:9] = 1
    shown[6, 4:9] = 0
    assert region_recall([shown], [mask], rate=0.1) == (0 + 0.8) / 2
