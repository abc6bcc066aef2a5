"""Windows, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hourglass.runtime.windows import Overlap, cut, intervals, point_scores, window_starts

segments = st.lists(st.integers(1, 30), min_size=1, max_size=4).map(lambda sizes: np.repeat(range(len(sizes)), sizes))
widths = st.integers(1, 12)


@given(segments, widths, widths)
def test_no_window_crosses_a_gap_and_every_long_segment_is_covered_to_its_ends(segment, window, stride):
    starts = window_starts(segment, window, stride)
    assert (segment[starts] == segment[starts + window - 1]).all()
    assert len(np.unique(starts)) == len(starts)
    for number, size in enumerate(np.bincount(segment)):
        of_segment = starts[segment[starts] == number]
        assert (
            len(of_segment) == 0
            if size < window
            else of_segment[-1] + window == np.flatnonzero(segment == number)[-1] + 1
        )


@given(segments, widths, widths, st.data())
def test_windows_give_back_the_series_where_they_cover_it(segment, window, stride, data):
    values = data.draw(arrays.arrays(float, (len(segment), 2), elements=st.floats(-1e9, 1e9)))
    starts = window_starts(segment, window, min(stride, window))
    overlap = Overlap(len(segment), 2)
    overlap.add(cut(values, starts, window), starts)
    back = overlap.mean()
    covered = np.bincount(segment)[segment] >= window
    np.testing.assert_allclose(back[covered], values[covered], rtol=1e-14)
    assert np.isnan(back[~covered]).all()


@given(segments, widths, widths, st.integers(1, 9), st.integers(0, 99))
def test_windows_in_parts_from_the_last_on_have_the_mean_of_all_to_the_last_bit(segment, window, stride, size, seed):
    starts = window_starts(segment, window, stride)
    windows = np.random.default_rng(seed).normal(size=(len(starts), window, 2))
    windows[windows > 2] = np.nan
    whole, parts = Overlap(len(segment), 2), Overlap(len(segment), 2)
    whole.add(windows, starts)
    for first in reversed(range(0, len(starts), size)):
        parts.add(windows[first : first + size], starts[first : first + size])
    assert parts.mean().tobytes() == whole.mean().tobytes()


def test_a_point_has_the_mean_score_of_the_windows_that_cover_it():
    assert point_scores(np.array([1.0, 3.0, 8.0]), np.array([0, 1, 3]), 2, 6).tolist()[:5] == [1, 2, 3, 8, 8]


def test_a_window_that_could_not_be_judged_says_nothing():
    scores = point_scores(np.array([np.nan, 3.0]), np.array([0, 1]), 2, 3)
    assert np.isnan(scores[0])
    assert scores[1:].tolist() == [3, 3]


def test_a_last_window_ends_where_the_segment_does():
    assert window_starts(np.zeros(10, int), 4, 4).tolist() == [0, 4, 6]
    assert window_starts(np.zeros(8, int), 4, 4).tolist() == [0, 4]
    assert window_starts(np.zeros(3, int), 4, 4).tolist() == []


@given(arrays.arrays(bool, st.integers(0, 40)), st.integers(1, 7))
def test_intervals_are_the_runs_of_points_that_are_above(above, size):
    segment = np.arange(len(above)) // size
    found = intervals(above, segment)
    marked = np.zeros(len(above), bool)
    for first, last in found:
        marked[first : last + 1] = True
        assert segment[first] == segment[last]
        assert first == 0 or not above[first - 1] or segment[first - 1] != segment[first]
    assert (marked == above).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_no_window_has_the_shape_of_none(channels):
    assert cut(np.zeros((5, channels)), np.zeros(0, int), 8).shape == (0, 8, channels)
