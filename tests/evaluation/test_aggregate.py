"""Codes drawn from where codes are."""

import numpy as np
import pytest

from hourglass.evaluation.aggregate import codes_of, draw


def test_drawn_codes_have_the_heaps_of_those_that_there_are():
    random = np.random.default_rng(0)
    heap = random.integers(0, 3, 3000)
    codes = np.array([[0.0, 0], [10, 0], [0, 10]])[heap] + 0.3 * random.normal(size=(3000, 2))
    drawn = draw(codes, 2000, seed=0)
    assert drawn.dtype == np.float32
    nearest = np.abs(drawn[:, None] - np.array([[0.0, 0], [10, 0], [0, 10]])).sum(2)
    assert nearest.min(1).max() < 3, "none between"
    np.testing.assert_allclose(np.bincount(nearest.argmin(1)) / 2000, np.bincount(heap) / 3000, atol=0.04)


def test_the_same_seed_draws_the_same():
    codes = np.random.default_rng(0).normal(size=(100, 3))
    np.testing.assert_array_equal(draw(codes, 10, seed=1), draw(codes, 10, seed=1))
    assert not np.array_equal(draw(codes, 10, seed=1), draw(codes, 10, seed=2))


@pytest.mark.parametrize(("rows", "latent"), [(3, 2), (40, 100), (200, 4)])
def test_few_wide_and_still_codes_are_fitted_too(rows, latent):
    assert draw(np.zeros((rows, latent)), 5, seed=0) == pytest.approx(np.zeros((5, latent)), abs=0.01)


def test_one_draw_of_each_posterior_has_the_variance_of_both():
    random = np.random.default_rng(0)
    found = {"z": 0.6 * random.normal(size=(20_000, 1)), "logvar": np.full((20_000, 1), 2 * np.log(0.8))}
    assert codes_of(found, random).var() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(codes_of({"z": found["z"]}, random), found["z"])
