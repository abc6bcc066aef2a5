"""Histograms from quantiles: bars of equal width that leave nothing out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from hourglass.data.histograms import LEVELS, histogram


def of(values: np.ndarray, others: np.ndarray | None = None) -> dict:
    return histogram(np.quantile(values, LEVELS), others)


def total(found: dict) -> float:
    return sum(found["shares"]) + found["below"] + found["above"]


@given(of_numpy.arrays(float, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_every_row_is_in_a_bar_or_counted_beyond(values: np.ndarray) -> None:
    assert total(of(values)) == pytest.approx(1, abs=1e-4)
    assert total(of(values, values)["others"]) == pytest.approx(1, abs=1e-4)


def test_bars_are_as_high_as_those_of_all_values() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    found = of(values)
    expected = np.histogram(values, found["edges"])[0] / len(values)
    np.testing.assert_allclose(found["shares"], expected, atol=2 / 400)


def test_a_few_far_values_hide_no_others() -> None:
    values = np.append(np.linspace(0, 1, 9_999), 1e9)
    found = of(values)
    assert found["edges"][-1] < 2
    assert found["above"] > 0
    assert np.count_nonzero(found["shares"]) > 20


def test_of_heavy_tails_bars_are_equally_wide_in_logarithms() -> None:
    found = histogram(np.quantile(np.geomspace(1, 1e6, 9_999), LEVELS), logarithmic=True)
    assert (found["edges"][0], found["edges"][-1], found["above"]) == (1, pytest.approx(1e6), 0)
    np.testing.assert_allclose(np.diff(np.log1p(found["edges"])), (np.log1p(1e6) - np.log1p(1)) / 32, rtol=1e-6)


def test_whole_numbers_have_a_bar_each() -> None:
    found = of(np.repeat([0, 1, 4], [50, 25, 25]))
    assert found["edges"] == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    np.testing.assert_allclose(found["shares"], [0.5, 0.25, 0, 0, 0.25], atol=0.006)


def test_a_constant_has_a_bar_of_its_own() -> None:
    assert max(of(np.full(9, 2.5))["shares"]) == 1


def test_other_rows_are_counted_in_the_same_bars() -> None:
    found = of(np.linspace(0, 1, 1000), np.array([-3.0, 0.5, 0.5, np.nan, 9]))
    others = found["others"]
    assert (others["below"], others["above"], max(others["shares"])) == (0.25, 0.25, 0.5)
