"""Errors of reconstruction against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import sem

from hourglass.evaluation.reconstruction import mean_error, relative_error, row_errors

ERRORS = arrays(float, st.integers(2, 30), elements=st.floats(0.01, 10))


def test_a_rows_error_is_the_mean_of_its_squares() -> None:
    residuals = np.array([[[1, -1], [0, 2]], [[0, 0], [0, 0]]], np.float32)
    assert row_errors(residuals).tolist() == [1.5, 0]


@given(ERRORS)
def test_the_mean_has_its_standard_error(errors: np.ndarray) -> None:
    assert mean_error(errors) == pytest.approx({"mse": errors.mean(), "mse_se": sem(errors)})


def test_one_row_has_no_spread() -> None:
    assert mean_error(np.array([2.0])) == {"mse": 2, "mse_se": 0}


@given(ERRORS, st.floats(0.1, 10))
def test_an_error_relative_to_its_multiple_is_exact(errors: np.ndarray, factor: float) -> None:
    found = relative_error(factor * errors, errors, resamples=50, seed=0)
    assert list(found.values()) == pytest.approx([factor] * 3)


def test_the_interval_is_that_of_the_ratio_of_sums() -> None:
    """Against the delta method, over rows drawn anew."""
    draw = np.random.default_rng(0)
    baseline = draw.exponential(size=2000)
    errors = 0.5 * baseline + draw.exponential(size=2000)
    found = relative_error(errors, baseline, resamples=2000, seed=0)
    ratio = errors.sum() / baseline.sum()
    deviation = np.std(errors - ratio * baseline) / baseline.mean() / 2000**0.5
    assert found["relative_error"] == pytest.approx(ratio)
    assert found["relative_error_low"] == pytest.approx(ratio - 1.96 * deviation, rel=0.01)
    assert found["relative_error_high"] == pytest.approx(ratio + 1.96 * deviation, rel=0.01)


@pytest.mark.parametrize("error", [0.0, 1e-30, 1.0, 1e9])
def test_a_baseline_that_is_perfect_gives_a_number_that_json_can_hold(error: float) -> None:
    found = relative_error(np.full(3, error), np.zeros(3), resamples=10, seed=0)
    assert list(found.values()) == pytest.approx([max(1, 1e12 * error)] * 3)
