"""Batches keep their false-discovery rate, and budgets become rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control

from hourglass.runtime import InputError
from hourglass.runtime.alarms import adjusted, alpha_of_budget
from hourglass.runtime.conformal import p_values


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)))
def test_adjusted_p_values_are_those_of_scipy(p: np.ndarray) -> None:
    np.testing.assert_allclose(adjusted(p), false_discovery_control(p, method="bh"), rtol=1e-12)


def test_a_row_that_cannot_be_judged_is_no_test() -> None:
    found = adjusted(np.array([0.01, np.nan, 0.04, 0.03]))
    np.testing.assert_allclose(found[[0, 2, 3]], false_discovery_control([0.01, 0.04, 0.03]))
    assert np.isnan(found[1])


def test_a_value_that_is_no_p_value_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match=r"p-value 2 is 1\.5; expected 0 to 1"):
        adjusted(np.array([np.nan, 0.2, 1.5]))


def test_an_empty_batch_has_no_alarms() -> None:
    assert len(adjusted(np.empty(0))) == 0


def test_false_alarms_are_the_promised_share_of_all_alarms() -> None:
    draw = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        calibration = np.sort(draw.normal(size=500))
        scores = np.concatenate([draw.normal(size=180), draw.normal(4, 1, size=20)])
        alarms = adjusted(p_values(scores, calibration)) <= 0.2
        shares.append(alarms[:180].sum() / max(alarms.sum(), 1))
    assert np.mean(shares) < 0.2
    assert np.mean(shares) > 0.1  # the bound is 0.2 * 180 / 200


def test_a_budget_of_rows_is_a_rate() -> None:
    assert alpha_of_budget(5, rows=1000) == 0.005


def test_a_budget_of_a_day_counts_what_comes_in_a_day() -> None:
    assert alpha_of_budget(2, period=3600 * 10**9) == pytest.approx(2 / 24)


@pytest.mark.parametrize("alarms", [0, 24, 30])
def test_a_budget_that_decides_nothing_is_refused(alarms: float) -> None:
    with pytest.raises(InputError, match="more than none and less than all"):
        alpha_of_budget(alarms, period=3600 * 10**9)
