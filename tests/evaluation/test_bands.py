"""Bands hold the curves that they promise to."""

import numpy as np
import pytest
from scipy.stats import norm

from hourglass.evaluation import bands


@pytest.fixture
def overlapping() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return np.concatenate([draw.normal(1.5, 1, 60), draw.normal(size=140)]), np.arange(200) < 60


def test_the_band_holds_the_whole_true_curve_as_often_as_promised() -> None:
    draw = np.random.default_rng(0)
    anomaly = np.arange(120) < 40
    held = 0
    for _ in range(200):
        x, low, high = np.array(bands.roc(draw.normal(anomaly * 1.5), anomaly)).T
        truth = norm.sf(norm.isf(x) - 1.5)
        held += bool(((low <= truth + 1e-12) & (truth <= high + 1e-12)).all())
    assert held / 200 >= 0.93


def test_the_band_is_as_wide_as_the_inequality_of_both_classes_says() -> None:
    scores = np.arange(200.0)
    x, low, high = np.array(bands.roc(scores, scores >= 140)).T
    aside, up = (np.sqrt(np.log(2 / (1 - 0.95**0.5)) / (2 * count)) for count in (140, 60))
    np.testing.assert_allclose(low, np.where(x >= aside, 1 - up, 0))
    np.testing.assert_allclose(high, 1)


def test_the_band_is_narrower_with_more_rows(overlapping) -> None:
    scores, anomaly = overlapping
    width = [
        np.ptp(np.array(bands.roc(*rows))[:, 1:], axis=1).mean()
        for rows in (overlapping, (np.tile(scores, 9), np.tile(anomaly, 9)))
    ]
    assert width[1] < 0.5 * width[0]


def test_the_band_of_precision_lies_around_the_curve(overlapping) -> None:
    from sklearn.metrics import precision_recall_curve

    recall, low, high = np.array(bands.precision_recall(*overlapping, resamples=200, seed=0)).T
    precision, found, _ = precision_recall_curve(overlapping[1], overlapping[0])
    at = [precision[np.flatnonzero(found >= r - 1e-12)[-1]] for r in recall]
    assert np.mean((low <= at) & (at <= high)) > 0.95
    assert (high - low).mean() < 0.3
    np.testing.assert_allclose(recall, np.arange(1, 101) / 100)


def test_the_same_seed_gives_the_same_band(overlapping) -> None:
    first, again = (bands.precision_recall(*overlapping, resamples=50, seed=3) for _ in range(2))
    assert first == again
