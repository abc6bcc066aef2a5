"""Readings on a regular grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hourglass.runtime.grid import Told, median_step, regular

PERIOD = 300 * 10**9
START = 1_700_000_000 * 10**9
numbers = st.floats(-1e6, 1e6)


def at(*points):
    """Times of points of a grid."""
    return START + np.array(points, np.int64) * PERIOD


def column(*values):
    return np.array(values, float)[:, None]


@given(arrays.arrays(float, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=numbers))
def test_readings_that_are_regular_stay_as_they_are(values):
    ns = at(*range(len(values)))
    grid = regular(ns, values, period=PERIOD, max_gap=0)
    assert (grid.ns == ns).all()
    assert (grid.values == values).all()
    assert (grid.place == np.arange(len(values))).all()
    assert grid.told == Told()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(0, 5))
def test_no_segment_holds_a_longer_gap_and_every_reading_has_a_place(points, max_gap):
    grid = regular(at(*points), column(*points), period=PERIOD, max_gap=max_gap)
    kept = np.unique(points)
    cut = np.diff(kept) - 1 > max_gap
    assert (grid.ns[grid.place] == at(*points)).all()
    assert (
        grid.segment[grid.place].tolist()
        == np.concatenate([[0], np.cumsum(cut)])[np.searchsorted(kept, points)].tolist()
    )
    assert grid.told.gaps == cut.sum()
    np.testing.assert_allclose(grid.values[:, 0], (grid.ns - START) / PERIOD, rtol=1e-12)  # a line stays a line


@given(st.permutations(range(12)))
def test_the_order_of_readings_changes_nothing_but_what_is_told(order):
    ns, values = at(*range(12)), column(*range(12))
    sorted_, shuffled = (
        regular(ns[rows], values[rows], period=PERIOD, max_gap=0) for rows in (np.arange(12), np.array(order))
    )
    assert (shuffled.values == sorted_.values).all()
    assert (shuffled.place == np.array(order)).all()
    assert (shuffled.told.unsorted == 0) == (list(order) == list(range(12)))


@given(arrays.arrays(np.int64, 30, elements=st.integers(-PERIOD // 2 + 1, PERIOD // 2 - 1)))
def test_a_reading_half_a_period_early_or_late_is_no_gap_of_more_than_one_point(jitter):
    jitter[0] = 0
    grid = regular(at(*range(30)) + jitter, column(*range(30)), period=PERIOD, max_gap=1)
    assert grid.told.gaps == 0
    assert (np.abs(grid.ns[grid.place] - at(*range(30)) - jitter) <= PERIOD // 2).all()


def test_readings_denser_than_the_grid_are_averaged():
    grid = regular(at(0, 1, 2, 3), column(1, 3, 10, 20), period=2 * PERIOD, max_gap=0)
    assert grid.values[:, 0].tolist() == [1, 6.5, 20]  # the second lies as near to the next point, and counts there


def test_readings_of_one_time_are_averaged_and_counted():
    grid = regular(at(0, 1, 1, 2), column(0, 4, 6, 1), period=PERIOD, max_gap=0)
    assert grid.values[:, 0].tolist() == [0, 5, 1]
    assert grid.place.tolist() == [0, 1, 1, 2]
    assert grid.told.duplicated == 1


def test_a_missing_value_is_interpolated_in_its_channel_alone():
    values = np.array([[0, 5.0], [np.nan, 7], [4, 6]])
    grid = regular(at(0, 1, 2), values, period=PERIOD, max_gap=1)
    np.testing.assert_allclose(grid.values, [[0, 5], [2, 7], [4, 6]])
    assert grid.told == Told(filled=1)


def test_an_infinite_value_is_a_missing_one():
    grid = regular(at(0, 1, 2), column(0, np.inf, 2), period=PERIOD, max_gap=1)
    np.testing.assert_allclose(grid.values[:, 0], [0, 1, 2])


@pytest.mark.parametrize("missing", [[0], [5], [2, 3]])
def test_values_that_are_missing_for_longer_or_at_an_end_leave_their_reading_out(missing):
    values = column(*range(6))
    values[missing] = np.nan
    grid = regular(at(*range(6)), values, period=PERIOD, max_gap=1)
    assert (grid.place[missing] == -1).all()
    assert grid.told.unread == len(missing)
    assert grid.told.gaps == (missing == [2, 3])


@pytest.mark.parametrize("values", [np.zeros((0, 2)), np.full((3, 2), np.nan)])
def test_nothing_to_read_gives_an_empty_grid(values):
    grid = regular(at(*range(len(values))), values, period=PERIOD, max_gap=3)
    assert grid.values.shape == (0, 2)
    assert (grid.place == -1).all()


def test_the_median_step_ignores_order_and_duplicates():
    assert median_step([at(5, 0, 1, 1, 2, 3)]) == (PERIOD, PERIOD, 4)
    assert median_step([at(1, 1)]) == (0, 0, 0)


def test_the_median_step_is_of_all_series_but_of_none_between_two():
    assert median_step([at(0, 2, 4), at(100, 101)]) == (2 * PERIOD, PERIOD, 3)


def test_what_happened_is_told_and_what_did_not_is_not():
    assert Told().sentences() == []
    (said,) = (Told(gaps=1) + Told(gaps=1_999)).sentences()
    assert said.startswith("2,000 gaps")
