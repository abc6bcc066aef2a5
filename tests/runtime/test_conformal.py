"""The threshold keeps its promise, whatever the scores look like."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hourglass.runtime.conformal import PValues, p_values, threshold
from hourglass.runtime.errors import InputError

SCORES = st.lists(st.integers(0, 20), min_size=1, max_size=60).map(lambda scores: np.sort(np.array(scores, float)))
ALPHAS = st.integers(2, 200).flatmap(lambda q: st.fractions(Fraction(1, q), Fraction(q - 1, q), max_denominator=q))


@given(SCORES, ALPHAS)
def test_the_threshold_is_the_smallest_score_that_keeps_the_promise(calibration: np.ndarray, alpha: Fraction) -> None:
    n = len(calibration)
    assume(n + 1 >= 1 / alpha)
    at_most = [Fraction(int((calibration <= score).sum()), n + 1) for score in calibration]
    kept = [score for score, share in zip(calibration, at_most, strict=True) if share >= 1 - alpha]
    assert threshold(calibration, float(alpha)) == min(kept)


@given(SCORES, ALPHAS)
def test_too_few_rows_are_refused_with_the_number_needed(calibration: np.ndarray, alpha: Fraction) -> None:
    needed = -(-alpha.denominator // alpha.numerator) - 1
    assume(len(calibration) < needed)
    with pytest.raises(InputError, match=f"{len(calibration)} calibration rows are too few.*at least {needed} are"):
        threshold(calibration, float(alpha))
    assert threshold(np.arange(needed), float(alpha)) == needed - 1


@given(SCORES, SCORES)
def test_a_p_value_counts_the_calibration_rows_that_score_as_high(calibration: np.ndarray, scores: np.ndarray) -> None:
    counted = [(1 + sum(other >= score for other in calibration)) / (len(calibration) + 1) for score in scores]
    np.testing.assert_array_equal(p_values(scores, calibration), counted)


@given(
    st.lists(st.floats(0, 1e308) | st.integers(0, 9).map(float), min_size=1, max_size=30),
    st.integers(0, 10**6),
)
def test_p_values_that_are_looked_up_are_those_that_are_searched(calibration: list[float], seed: int) -> None:
    known = np.sort(np.array(calibration))
    near = [known, np.nextafter(known, np.inf), np.nextafter(known, -np.inf), [0, -0.0, -1, np.inf, 1e300, 1e-310]]
    scores = np.concatenate([*near, np.random.default_rng(seed).exponential(5, 20_000)])
    np.testing.assert_array_equal(PValues(known)(scores), p_values(scores, known))


@given(SCORES, SCORES, st.integers(1, 40))
def test_a_row_beyond_the_threshold_is_one_with_a_p_value_of_at_most_alpha(
    calibration: np.ndarray, scores: np.ndarray, percent: int
) -> None:
    assume((len(calibration) + 1) * percent >= 100)
    above = scores > threshold(calibration, percent / 100)
    np.testing.assert_array_equal(above, p_values(scores, calibration) <= percent / 100 + 1e-12)


@pytest.mark.parametrize("n", [19, 25, 99])
def test_normal_rows_raise_as_many_alarms_as_promised(n: int) -> None:
    """For continuous scores the rate is exactly floor(alpha (n + 1)) / (n + 1), on average over calibrations."""
    draw = np.random.default_rng(0)
    rates = [(draw.exponential(size=50) > threshold(draw.exponential(size=n), 0.1)).mean() for _ in range(5000)]
    assert np.mean(rates) == pytest.approx(int(0.1 * (n + 1)) / (n + 1), abs=5 * np.std(rates) / 5000**0.5)
    assert np.mean(rates) <= 0.1 + 0.004


def test_tied_scores_raise_no_more_alarms_than_promised() -> None:
    draw = np.random.default_rng(0)
    rates = [(draw.poisson(2, 50) > threshold(draw.poisson(2, 39), 0.1)).mean() for _ in range(2000)]
    assert 0 < np.mean(rates) < 0.1
