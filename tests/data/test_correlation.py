"""Correlations are exact, of rows that come in any blocks, also where some values are missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.data.correlation import Comoments


def measured(columns: np.ndarray, *cuts: int) -> Comoments:
    """Measure rows in parts that are merged."""
    whole = Comoments(columns.shape[1])
    for part in np.split(columns, sorted(cuts)):
        one = Comoments(columns.shape[1])
        one.update(part)
        whole.merge(one)
    return whole


@pytest.fixture
def columns() -> np.ndarray:
    draw = np.random.default_rng(0)
    return draw.normal(size=(20_000, 4)) @ draw.normal(size=(4, 4)) + [0, 1e9, -5, 1e-9]


def test_correlations_are_pearsons(columns: np.ndarray) -> None:
    found = measured(columns, 77, 12_345).correlation()
    np.testing.assert_allclose(found, np.corrcoef(columns, rowvar=False), atol=1e-7)


def test_with_missing_values_each_pair_has_its_own_rows(columns: np.ndarray) -> None:
    columns[np.random.default_rng(1).random(columns.shape) < 0.3] = np.nan
    found = measured(columns, 500, 9_000)
    there = ~np.isnan(columns)
    np.testing.assert_array_equal(found.rows, there.astype(int).T @ there.astype(int))
    np.testing.assert_allclose(found.correlation(), pd.DataFrame(columns).corr(), atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 20_000), max_size=4), st.booleans())
def test_how_rows_are_cut_makes_no_difference(cuts: list[int], gaps: bool) -> None:
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(20_000, 3)).cumsum(axis=1)
    if gaps:
        rows[draw.random(rows.shape) < 0.1] = np.nan
    np.testing.assert_allclose(measured(rows, *cuts).correlation(), measured(rows).correlation(), atol=1e-12)


def test_blocks_of_one_shard_give_the_same_bits_whatever_their_size(columns: np.ndarray) -> None:
    whole, parts = Comoments(4), Comoments(4)
    whole.update(columns)
    for start in range(0, len(columns), 999):
        parts.update(columns[start : start + 999])
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(parts.arrays()[name], array)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1])
def test_a_constant_column_has_no_correlation(value: float) -> None:
    rows = np.column_stack([np.full(777, value), np.arange(777.0), -np.arange(777.0)])
    found = measured(rows).correlation()
    assert np.isnan(found[0]).all()
    assert found[1, 2] == pytest.approx(-1)


def test_two_rows_tell_of_no_correlation() -> None:
    assert np.isnan(measured(np.array([[0.0, 1], [1, 0]])).correlation()).all()


def test_what_is_kept_comes_back(columns: np.ndarray) -> None:
    kept = measured(columns)
    np.testing.assert_array_equal(Comoments.from_arrays(kept.arrays()).correlation(), kept.correlation())
