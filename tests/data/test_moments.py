"""Moments of a stream don't depend on how it is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hourglass.data.moments import Moments


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.integers(0, 40))
def test_two_parts_have_the_moments_of_the_whole(values: list[float], cut: int) -> None:
    x = np.array(values)
    whole, parts = Moments.of(x), Moments.of(x[:cut]).merge(Moments.of(x[cut:]))
    assert (parts.count, parts.low, parts.high) == (whole.count, whole.low, whole.high)
    for name, power in (("mean", 1), ("m2", 2), ("m3", 3), ("m4", 4)):
        largest = len(x) * max(1.0, np.abs(x).max()) ** power
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12 * largest)


def test_they_are_those_of_scipy() -> None:
    x = np.random.default_rng(0).gamma(2, size=1000)
    moments = Moments.of(x[:300]).merge(Moments.of(x[300:]))
    assert moments.mean == pytest.approx(x.mean())
    assert moments.std == pytest.approx(x.std())
    assert moments.kurtosis == pytest.approx(stats.kurtosis(x, fisher=False))


def test_an_offset_of_a_thousand_million_costs_no_digits_of_the_spread() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    moments = Moments()
    for part in np.split(x + 1e9, 10):
        moments = moments.merge(Moments.of(part))
    assert moments.std == pytest.approx(x.std(), rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_a_variance_have_none_and_raise_nothing() -> None:
    moments = Moments.of(np.array([1e308, -1e308])).merge(Moments.of(np.array([0.0])))
    assert moments.high == 1e308
    assert not np.isfinite(moments.kurtosis)


def test_nothing_has_no_moments() -> None:
    assert Moments.of(np.empty(0)) == Moments()
    assert Moments().std == 0
