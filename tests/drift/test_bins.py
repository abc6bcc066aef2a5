"""Counts between edges, against counting by hand."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hourglass.drift.bins import BINS, Counts, edges_of


def test_bins_hold_what_lies_above_one_edge_and_at_most_at_the_next() -> None:
    counts = Counts.of(np.array([0.9, 1, 1.1, 2, 3, np.nan, np.inf, -np.inf]), np.array([1.0, 2.0]))
    assert counts.bins.tolist() == [2, 2, 1]
    assert (counts.missing, counts.unknown, counts.known, counts.rows) == (1, 2, 5, 8)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.integers(0, 60))
@example([np.nan, np.inf, 1.0, np.nan, np.nan, np.inf, np.inf], 2)
def test_counts_of_parts_add_up(values: list[float], cut: int) -> None:
    edges = np.array([-1.0, 0.0, 10.0])
    one, two = Counts.of(np.array(values[:cut], float), edges), Counts.of(np.array(values[cut:], float), edges)
    whole = Counts.of(np.array(values, float), edges)
    assert (one + two).config() == whole.config() == Counts.from_config(whole.config()).config()


def test_few_values_have_a_bin_each() -> None:
    values = np.array([3.0, 1, 2, 1, 1, np.nan])
    assert Counts.of(values, edges_of(values)).bins.tolist() == [3, 1, 1]


def test_many_values_have_bins_of_about_as_many_rows() -> None:
    values = np.random.default_rng(0).lognormal(size=10_000)
    bins = Counts.of(values, edges_of(values)).bins
    assert len(bins) == BINS
    assert abs(bins - 10_000 / BINS).max() <= 2


def test_a_constant_has_one_bin_and_so_has_nothing() -> None:
    assert len(edges_of(np.full(9, 4.0))) == len(edges_of(np.full(9, np.nan))) == 0
