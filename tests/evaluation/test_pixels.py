"""Maps are held against masks, pixel by pixel and region by region."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from hourglass.evaluation.detection import auroc
from hourglass.evaluation.pixels import measured, pixel_auroc, region_overlap, region_recall


def drawn() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Maps with ties and masks of images of several sizes, one of them normal."""
    draw = np.random.default_rng(0)
    masks = [draw.random((6, 8)) < 0.2, draw.random((5, 5)) < 0.4, np.zeros((3, 4), bool)]
    return [draw.normal(mask * 1.0).round(1) for mask in masks], masks


def test_pixel_auroc_is_that_of_scikit_learn_over_the_pixels_of_images_of_any_size() -> None:
    maps, masks = drawn()
    flat = [np.concatenate([one.reshape(-1) for one in ones]) for ones in (masks, maps)]
    found = pixel_auroc(maps, masks)
    assert found["pixel_auroc"] == pytest.approx(roc_auc_score(*flat))
    assert found["pixel_auroc_low"] < found["pixel_auroc"] < found["pixel_auroc_high"]


def test_interval_of_images_of_a_pixel_is_delongs() -> None:
    draw = np.random.default_rng(1)
    anomaly = draw.random(60) < 0.4
    scores = draw.normal(anomaly * 1.0)
    found = pixel_auroc(list(scores[:, None, None]), list(anomaly[:, None, None]))
    both = anomaly.sum() * (~anomaly).sum()
    assert both > 0
    assert list(found.values()) == pytest.approx(list(auroc(scores, anomaly).values()), rel=1e-9)


def test_interval_widens_where_pixels_of_an_image_say_the_same() -> None:
    draw = np.random.default_rng(2)
    anomaly = draw.random(60) < 0.4
    scores = draw.normal(anomaly * 1.0)
    once = pixel_auroc(list(scores[:, None, None]), list(anomaly[:, None, None]))
    nine = [np.full((3, 3), one) for one in scores], [np.full((3, 3), one) for one in anomaly]
    assert list(pixel_auroc(*nine).values()) == pytest.approx(list(once.values()))


def test_region_overlap_is_the_area_under_a_curve_of_scikit_learn_that_weighs_regions_alike() -> None:
    draw = np.random.default_rng(3)
    mask = np.zeros((12, 12), bool)
    mask[0, 0] = mask[1, 1] = True  # a region, for corners count
    mask[4:9, 4:9] = True
    weights = np.where(mask, 1 / 25, 1.0)
    weights[0, 0] = weights[1, 1] = 1 / 2
    shown = draw.normal(mask * 1.0).round(1)
    false, found, _ = roc_curve(mask.ravel(), shown.ravel(), sample_weight=weights.ravel(), drop_intermediate=False)
    within = false < 0.3
    y = np.append(found[within], np.interp(0.3, false, found))
    expected = np.trapezoid(y, np.append(false[within], 0.3)) / 0.3
    assert region_overlap([shown], [mask]) == pytest.approx(expected)


@pytest.mark.parametrize(("worth", "expected"), [(1.0, 1.0), (-1.0, 0.0), (0.0, 0.15)])
def test_region_overlap_of_perfect_inverse_and_empty_maps(worth: float, expected: float) -> None:
    mask = np.zeros((10, 10), bool)
    mask[2:4, 3:6] = True
    assert region_overlap([worth * mask], [mask]) == pytest.approx(expected)


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0] = True
    mask[4:9, 4:9] = True
    shown = np.zeros((10, 10))
    shown[4:9, 4:9] = 1
    shown[6, 4:9] = 0
    assert region_recall([shown], [mask], rate=0.1) == pytest.approx((0 + 0.8) / 2)


@pytest.mark.parametrize(("rate", "found"), [(0.1, 1.0), (0.05, 0.0)])
def test_a_region_is_found_where_it_is_odder_than_all_but_so_many_normal_pixels(rate: float, found: float) -> None:
    mask = np.arange(102).reshape(6, 17) == 101
    shown = np.where(mask, 0.93, np.arange(102).reshape(6, 17) / 100)
    assert region_recall([shown], [mask], rate) == found


def test_all_measures_come_together() -> None:
    names = {"pixel_auroc", "pixel_auroc_low", "pixel_auroc_high", "region_overlap", "region_recall"}
    assert measured(*drawn()).keys() == names
