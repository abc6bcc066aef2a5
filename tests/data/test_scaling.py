"""Every scale does what its name says, on whatever numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.preprocessing import RobustScaler

from hourglass.data.scaling import Scale, Spread, fit
from hourglass.runtime.normaliser import Normaliser

SCALES: tuple[Scale, ...] = ("standard", "minmax", "robust", "quantile", "log", "none")


def scaled(how: Scale, values: np.ndarray) -> tuple[Normaliser, np.ndarray]:
    found = fit(how, Spread.of(values))
    curves = {0: found.curve} if found.curve else {}
    normaliser = Normaliser(np.array([found.offset]), np.array([found.scale]), curves)
    return normaliser, normaliser(values[:, None])[:, 0]


@pytest.mark.parametrize("how", SCALES)
@given(
    st.one_of(
        st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
        st.lists(st.floats(1e9 - 5, 1e9 + 5), min_size=1, max_size=50),
        st.lists(st.integers(-1, 1).map(float), min_size=1, max_size=50),
        st.lists(st.floats(0, 25).map(np.expm1), min_size=1, max_size=50),
    )
)
def test_every_scale_is_undone(how: Scale, values: list[float]) -> None:
    x = np.array(values)
    normaliser, units = scaled(how, x)
    assert np.isfinite(units).all()
    back = normaliser.inverse(units[:, None])[:, 0]
    # what float32 can tell apart: a few units in the last place of the largest number on the way
    largest = max(np.ptp(x), np.abs(x).max() if how in ("none", "log") else 0, np.spacing(np.abs(x).max()) * 1e7, 1e-6)
    np.testing.assert_allclose(back, x, rtol=0, atol=5e-6 * largest)


@pytest.mark.parametrize("how", SCALES)
def test_a_constant_stays_small_and_comes_back(how: Scale) -> None:
    normaliser, units = scaled(how, np.full(10, 7.0))
    assert np.unique(units).size == 1
    np.testing.assert_allclose(normaliser.inverse(units[:, None])[:, 0], 7, rtol=1e-6)


def test_standard_gives_mean_0_and_deviation_1() -> None:
    units = scaled("standard", np.random.default_rng(0).gamma(2, size=5000))[1]
    assert (units.mean(), units.std()) == pytest.approx((0, 1), abs=1e-5)


def test_minmax_gives_0_to_1() -> None:
    units = scaled("minmax", np.random.default_rng(0).gamma(2, size=5000))[1]
    assert (units.min(), units.max()) == (0, 1)


def test_robust_is_that_of_scikit_learn_and_ignores_a_wild_value() -> None:
    x = np.append(np.random.default_rng(0).normal(5, 2, 5000), 1e12)
    expected = RobustScaler(unit_variance=True).fit_transform(x[:, None])[:, 0]
    np.testing.assert_allclose(scaled("robust", x)[1], expected, rtol=1e-5, atol=1e-5)


def test_robust_of_mostly_equal_values_goes_by_the_deviation() -> None:
    x = np.array([0.0] * 90 + [1.0] * 10)
    assert scaled("robust", x)[1].max() == pytest.approx(1 / x.std())


def test_quantile_makes_any_distribution_normal() -> None:
    units = scaled("quantile", np.random.default_rng(0).pareto(1.2, 20_000))[1]
    assert stats.kstest(units, "norm").statistic < 0.01


def test_quantile_puts_a_value_that_is_half_of_all_in_their_middle() -> None:
    x = np.append(np.zeros(5000), np.random.default_rng(0).uniform(1, 2, 5000))
    assert scaled("quantile", x)[1][0] == pytest.approx(stats.norm.ppf(0.25), abs=0.02)


def test_log_tames_a_heavy_tail() -> None:
    x = np.random.default_rng(0).lognormal(3, 2, 20_000)
    assert stats.kurtosis(scaled("standard", x)[1]) > 100
    units = scaled("log", x)[1]
    assert abs(stats.kurtosis(units)) < 1
    assert (units.mean(), units.std()) == pytest.approx((0, 1), abs=0.02)


def test_missing_values_count_for_nothing() -> None:
    x = np.array([1.0, np.nan, 3.0])
    assert Spread.of(x).mean == 2
    assert Spread.of(np.array([np.nan])).std == 0
