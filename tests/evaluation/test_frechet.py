"""The Fréchet distance of Gaussians whose distance is known."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from hourglass.evaluation.frechet import distance


def with_moments(mean, covariance, rows=50, seed=0):
    """Make rows whose mean and covariance are exactly these."""
    draw = np.random.default_rng(seed).normal(size=(rows, len(mean)))
    draw -= draw.mean(0)
    white = draw @ np.linalg.inv(np.linalg.cholesky(np.cov(draw, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_a_set_has_no_distance_from_itself_and_a_shift_has_its_square():
    x = with_moments([0, 0, 0], np.diag([1.0, 2, 3]))
    assert distance(x, x) == pytest.approx(0, abs=1e-9)
    assert distance(x, x + np.array([3.0, 4, 0])) == pytest.approx(25)


def test_of_covariances_that_commute_it_is_the_squared_distance_of_their_roots():
    x, y = with_moments([0, 0], np.diag([1.0, 4])), with_moments([0, 0], np.diag([9.0, 16]), seed=1)
    assert distance(x, y) == pytest.approx((1 - 3) ** 2 + (2 - 4) ** 2)


def test_of_others_it_is_that_by_the_root_of_their_product():
    draw = np.random.default_rng(0)
    s, t = (root @ root.T + np.eye(4) for root in draw.normal(size=(2, 4, 4)))
    x, y = with_moments(np.zeros(4), s), with_moments(np.ones(4), t, seed=1)
    expected = 4 + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert distance(x, y) == pytest.approx(expected)
    assert distance(y, x) == pytest.approx(expected)


def test_samples_that_are_all_alike_are_as_far_as_the_spread_of_the_rows():
    x = with_moments([0, 0], np.diag([1.0, 4]))
    assert distance(x, np.zeros((50, 2))) == pytest.approx(5)


def test_of_any_rows_it_is_that_of_their_moments_however_small_they_are():
    draw = np.random.default_rng(0)
    x, y = draw.normal(2, 0.1, (50, 3)), 0.2 * draw.normal(size=(70, 3)) @ draw.normal(size=(3, 3)) + 5
    s, t = np.cov(x.T), np.cov(y.T)
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert distance(x, y) == pytest.approx(expected)
    assert distance(100 * x, 100 * y) == pytest.approx(1e4 * expected)
