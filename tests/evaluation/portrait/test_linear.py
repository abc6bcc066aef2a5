"""The linear map that translations are held against."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from hourglass.evaluation.portrait.linear import STRENGTHS, LinearMap


def pair(rows: int, seed: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows and a linear map of them, which is always the same."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 8)) + 3
    return x, x @ np.random.default_rng(99).normal(size=(8, 3)) - 2 + noise * draw.normal(size=(rows, 3))


@pytest.mark.parametrize("rows", [5, 40])
def test_the_map_is_that_of_ridge_regression(rows):
    x, y = pair(rows, 0, noise=0.5)
    penalty = 0.1 * np.square(x - x.mean(0)).sum() / rows
    expected = Ridge(alpha=penalty).fit(x, y)
    found = LinearMap.of(x, y, 0.1)
    np.testing.assert_allclose(found.weights, expected.coef_.T)
    np.testing.assert_allclose(found(x), expected.predict(x))


def test_a_linear_map_is_found():
    x, y = pair(200, 1)
    found = LinearMap.tuned(pair(100, 0), (x, y))
    assert found.strength == min(STRENGTHS)
    np.testing.assert_allclose(found(x), y, atol=0.01)


def test_the_noisier_the_rows_the_larger_the_penalty():
    found = LinearMap.tuned(pair(12, 0, noise=20), pair(200, 1, noise=20))
    assert found.strength > 0.1
