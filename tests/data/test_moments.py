"""Moments of a stream don't depend on how it is cut."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hourglass.data.moments import Moments, Tails, ends


@given(st.integers(1, 200), st.integers(1, 200), st.floats(-1e9, 1e9))
def test_merged_moments_are_those_of_all_rows(before: int, after: int, offset: float) -> None:
    x = offset + np.random.default_rng(before).normal(size=(before + after, 3))
    merged = Moments.of(x[:before]).merge(Moments.of(x[before:]))
    np.testing.assert_allclose(merged.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.deviation, x.std(axis=0), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal([merged.low, merged.high], [x.min(axis=0), x.max(axis=0)])


@given(st.integers(1, 600), st.sampled_from([(1,), (3,), (30,), (600,), (2, 5)]))
def test_the_ends_are_those_of_every_column_without_what_is_missing(rows: int, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(rows)
    x = np.where(draw.random((rows, *shape)) < 0.1, np.nan, draw.normal(size=(rows, *shape)))
    np.testing.assert_array_equal(ends(x), [np.fmin.reduce(x), np.fmax.reduce(x)])


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.integers(0, 40))
def test_two_parts_have_the_tails_of_the_whole(values: list[float], cut: int) -> None:
    x = np.array(values)
    whole, parts = Tails.of(x), Tails.of(x[:cut]).merge(Tails.of(x[cut:]))
    assert parts.moments is not None
    assert (parts.moments.rows, parts.moments.low, parts.moments.high) == (len(x), x.min(), x.max())
    for name, power in (("cubes", 3), ("fourths", 4)):
        largest = len(x) * max(1.0, np.abs(x).max()) ** power
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12 * largest)


def test_they_are_those_of_scipy() -> None:
    x = np.random.default_rng(0).gamma(2, size=1000)
    tails = Tails.of(x[:300]).merge(Tails.of(x[300:]))
    assert tails.moments is not None
    assert tails.moments.mean == pytest.approx(x.mean())
    assert tails.moments.deviation == pytest.approx(x.std())
    assert tails.kurtosis == pytest.approx(stats.kurtosis(x, fisher=False))


def test_an_offset_of_a_thousand_million_costs_no_digits_of_the_spread() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    first, *others = (Moments.of(part) for part in np.split(x + 1e9, 10))
    assert reduce(Moments.merge, others, first).deviation == pytest.approx(x.std(), rel=1e-6)


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_a_variance_have_none_and_raise_nothing() -> None:
    tails = Tails.of(np.array([1e308, -1e308])).merge(Tails.of(np.array([0.0])))
    assert tails.moments is not None
    assert tails.moments.high == 1e308
    assert not np.isfinite(tails.kurtosis)


@pytest.mark.filterwarnings("error")
def test_nothing_and_a_constant_have_no_kurtosis() -> None:
    nothing, constant = Tails.of(np.empty(0)), Tails.of(np.full(3, 0.1))
    assert nothing == Tails()
    assert not nothing.is_constant
    assert constant.is_constant
    assert np.isnan([nothing.kurtosis, constant.kurtosis]).all()
