"""A row's split depends on the row, keeps its shares, and keeps anomalies away from what is fitted."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hourglass.data.params import SPLITS, SplitParams
from hourglass.data.sources import Raw
from hourglass.data.split import CROSSES, EARLY, Rule, crossing, row_hashes
from hourglass.errors import HourglassError

ROWS = 20_000
CELLS = st.one_of(st.none(), st.integers(-9, 9), st.floats(-2, 2), st.text(max_size=3))


def split(rows: Any, anomaly: Any = None, **params: Any) -> np.ndarray:
    settings = SplitParams(**params)
    raw = Raw("table", rows, rows) if isinstance(rows, pd.DataFrame) else Raw("array", rows, pd.DataFrame())
    anomaly = np.zeros(len(rows), bool) if anomaly is None else np.asarray(anomaly)
    return Rule.of([raw], settings).assign(raw, row_hashes(rows, settings.salt), anomaly)


def divided(splits: np.ndarray, groups: "pd.Series[Any]") -> bool:
    return any(len(set(splits[groups == group])) > 1 for group in groups.unique())


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, 2))


@given(arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2))), st.integers(1, 29))
def test_a_row_keeps_its_split_when_data_grows(x: np.ndarray, before: int) -> None:
    np.testing.assert_array_equal(split(x)[:before], split(x[:before]))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), st.lists(st.tuples(CELLS, CELLS), max_size=20))
def test_a_row_of_a_table_keeps_its_split_when_data_grows(old: list[Any], new: list[Any]) -> None:
    before, after = (pd.DataFrame(rows, columns=["a", "b"]) for rows in (old, old + new))
    np.testing.assert_array_equal(split(after)[: len(old)], split(before))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), st.randoms())
def test_duplicates_share_a_split(rows: list[Any], order: Any) -> None:
    twice = [*enumerate(rows), *enumerate(rows)]
    order.shuffle(twice)
    splits = split(pd.DataFrame([row for _, row in twice], columns=["a", "b"]))
    number = np.array([number for number, _ in twice])
    assert all(len(set(splits[number == one])) == 1 for one in range(len(rows)))


@pytest.mark.parametrize("other", [[0, 1, 2], [0.0, 1.0, 2.0], ["0", "1", "2"], [-0.0, 1.0, 2.0]])
def test_a_cell_is_one_value_however_it_is_written(other: list[object]) -> None:
    hashes = [row_hashes(pd.DataFrame({"a": column}), 0) for column in ([0, 1, 2], other)]
    np.testing.assert_array_equal(*hashes)


@pytest.mark.parametrize("other", [["True", "False"], ["true", "FALSE"], np.array([True, False], object)])
def test_a_boolean_is_one_value_however_it_is_written(other: Any) -> None:
    """A column of them with gaps is read as text, in a shard without as booleans."""
    hashes = [row_hashes(pd.DataFrame({"a": column}), 0) for column in ([True, False], other)]
    np.testing.assert_array_equal(*hashes)


@given(st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.5, math.nan, -math.nan, math.inf])] * 3), min_size=1))
def test_a_table_of_numbers_alone_has_the_hashes_of_its_columns(rows: list[Any]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b", "c"], dtype=float)
    one_by_one = frame.assign(c=frame["c"].astype(object))
    np.testing.assert_array_equal(row_hashes(frame, 5), row_hashes(one_by_one, 5))


def test_negative_zero_is_zero_in_arrays() -> None:
    np.testing.assert_array_equal(row_hashes(np.array([[-0.0, 1.0]]), 0), row_hashes(np.array([[0.0, 1.0]]), 0))


def test_hashes_are_the_same_on_every_machine() -> None:
    """Committed numbers: other ones would move rows between the splits of every existing data set."""
    assert row_hashes(np.array([[1, 2]], np.uint8), 0).tolist() == [13_225_958_971_736_838_472]
    assert row_hashes(pd.DataFrame({"a": [1.5], "b": ["x"]}), 0).tolist() == [688_104_079_073_243_740]


def test_another_salt_gives_another_split(many: np.ndarray) -> None:
    assert (split(many) == split(many, salt=1)).mean() == pytest.approx(0.6**2 + 4 * 0.1**2, abs=0.02)


@pytest.mark.parametrize("by", ["hash", "time"])
def test_the_shares_are_kept(many: np.ndarray, by: str) -> None:
    frame = pd.DataFrame(many, columns=["a", "when"])
    splits = split(frame, by=by, column=None if by == "hash" else "when", train=0.4, test=0.3)
    assert np.bincount(splits) / ROWS == pytest.approx([0.4, 0.1, 0.1, 0.1, 0.3], abs=0.015)


@pytest.mark.parametrize("by", ["hash", "group", "time", "given"])
def test_anomalies_are_in_selection_and_test_alone(by: str) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.normal(size=500), "by": draw.integers(0, 100, 500)})
    if by == "given":
        frame["by"] = draw.choice(SPLITS, 500)
    anomaly = draw.random(500) < 0.3
    splits = split(frame, anomaly, by=by, column=None if by == "hash" else "by")
    assert {SPLITS[place] for place in splits[anomaly]} == {"selection", "test"}
    assert {SPLITS[place] for place in splits[~anomaly]} == set(SPLITS)


def test_a_normal_row_does_not_move_when_others_turn_out_anomalous(many: np.ndarray) -> None:
    anomaly = np.arange(ROWS) % 3 == 0
    np.testing.assert_array_equal(split(many)[~anomaly], split(many, anomaly)[~anomaly])


def test_misplaced_anomalies_keep_the_shares_of_selection_and_test(many: np.ndarray) -> None:
    splits = split(many, np.ones(ROWS, bool), train=0.4, selection=0.1, test=0.3)
    assert (splits == SPLITS.index("selection")).mean() == pytest.approx(0.25, abs=0.015)


def test_a_group_is_never_divided(many: np.ndarray) -> None:
    frame = pd.DataFrame({"a": many[:, 0], "patient": np.arange(ROWS) % 1000})
    splits = split(frame, by="group", column="patient")
    assert not divided(splits, frame["patient"])
    assert np.bincount(splits) / ROWS == pytest.approx([0.6, 0.1, 0.1, 0.1, 0.1], abs=0.05)


@pytest.mark.parametrize("as_text", [False, True])
def test_by_time_later_splits_hold_later_rows(as_text: bool) -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=300, freq="h")).sample(frac=1, random_state=0)
    frame = pd.DataFrame({"a": range(300), "when": times.astype(str) if as_text else times})
    splits = split(frame, by="time", column="when")
    assert (np.diff(splits[times.argsort()]) >= 0).all()


def test_equal_times_share_a_split() -> None:
    frame = pd.DataFrame({"a": range(100), "when": [1] * 55 + [2] * 10 + [3] * 35})
    splits = split(frame, by="time", column="when")
    assert not divided(splits, frame["when"])


def test_given_splits_are_taken() -> None:
    frame = pd.DataFrame({"a": range(5), "part": SPLITS})
    assert split(frame, by="given", column="part").tolist() == [0, 1, 2, 3, 4]


def test_an_unknown_split_is_named_by_its_row() -> None:
    frame = pd.DataFrame({"a": range(3), "part": ["train", "train", "holdout"]})
    with pytest.raises(HourglassError, match="column 'part', row 2: 'holdout' is no split; expected one of train, "):
        split(frame, by="given", column="part")


def test_an_unreadable_time_is_named_by_its_row() -> None:
    frame = pd.DataFrame({"a": range(3), "when": ["2024-01-01", "soon", "2024-01-02"]})
    with pytest.raises(HourglassError, match="column 'when', row 1: 'soon' is no time"):
        split(frame, by="time", column="when")


def test_a_time_that_can_be_read_in_two_ways_is_refused_wherever_blocks_begin() -> None:
    """Read after 13/02/2024 alone, 01/02/2024 would be another day than by itself."""
    for first in ("13/02/2024", "01/02/2024"):
        frame = pd.DataFrame({"x": [1.0, 2.0], "when": [first, "01/02/2024"]})
        with pytest.raises(HourglassError, match=f"column 'when', row 0: '{first}' is no time"):
            split(frame, by="time", column="when")


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(HourglassError, match=r"split.column is 'patient'.*there: a"):
        split(pd.DataFrame({"a": range(3)}), by="group", column="patient")


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 9), st.lists(st.integers(0, 50), max_size=4))
def test_a_window_crosses_where_a_point_of_it_lies_in_another_split(starts, length, edges) -> None:
    start, edges = np.array(starts), np.sort(np.array(edges, int))
    points = np.searchsorted(edges, start[:, None] + np.arange(length), side="right")
    found = crossing(start, start + length - 1, edges)
    np.testing.assert_array_equal(found, points.min(axis=1) != points.max(axis=1))


def windows(start: np.ndarray, length: int) -> Raw:
    minutes = [pd.Timestamp(0) + pd.to_timedelta(places, "min") for places in (start, start + length - 1)]
    return Raw("signal", start[:, None, None].astype(float), pd.DataFrame({"start": minutes[0], "end": minutes[1]}))


def by_time(raw: Raw, anomaly: np.ndarray) -> np.ndarray:
    settings = SplitParams(by="time", column="start")
    return Rule.of([raw], settings).assign(raw, row_hashes(raw.rows, 0), anomaly)


def test_no_two_splits_share_a_moment_where_windows_are_divided_by_time() -> None:
    start = np.arange(0, 1000, 5)
    splits = by_time(windows(start, 20), np.zeros(200, bool))
    assert (splits == CROSSES).sum() == 4 * 3  # at each of four edges, the windows that began 5, 10 and 15 before
    kept = [start[splits == place] for place in range(5)]
    assert all(former.max() + 19 < later.min() for former, later in pairwise(kept))
    assert len(kept[0]) > 100


def test_anomalous_windows_stay_where_their_time_puts_them_or_are_left_out() -> None:
    start = np.arange(0, 1000, 5)
    anomaly = np.isin(start, [100, 850, 950])
    splits = by_time(windows(start, 5), anomaly)
    assert splits[anomaly].tolist() == [EARLY, SPLITS.index("selection"), SPLITS.index("test")]
