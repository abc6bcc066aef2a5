"""Anomalies of series are measured as defined, without point adjustment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hourglass.evaluation.series import events, of_windows, runs, vus_pr

NONE = np.zeros(0, np.int64)
Series = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Scores with ties, labels with an anomaly at least, and segments."""
    count = draw(st.integers(2, 24))
    scores = draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    anomaly = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    anomaly[draw(st.integers(0, count - 1))] = True
    breaks = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return np.array(scores, float), np.array(anomaly), np.cumsum(breaks)


def by_definition(scores: np.ndarray, anomaly: np.ndarray, segment: np.ndarray, buffer: int) -> float:
    """The volume point by point, threshold by threshold, as the paper writes it."""
    points = range(len(scores))
    areas = []
    for length in range(buffer + 1):
        soft = np.zeros(len(scores))
        for point in points:
            near = [abs(point - other) for other in points if anomaly[other] and segment[other] == segment[point]]
            if near and min(near) <= length // 2:
                soft[point] = 1.0 if min(near) == 0 else (1 - min(near) / length) ** 0.5
        regions: list[list[int]] = []
        for point in points:
            if soft[point] > 0:
                follows = point > 0 and soft[point - 1] > 0 and segment[point - 1] == segment[point]
                if follows:
                    regions[-1].append(point)
                else:
                    regions.append([point])
        area = before = 0.0
        for threshold in sorted(set(scores), reverse=True):
            alarms = [point for point in points if scores[point] >= threshold]
            hits = sum(soft[point] for point in alarms)
            reached = sum(any(point in alarms for point in region) for region in regions) / len(regions)
            recall = min(hits / ((anomaly.sum() + soft.sum()) / 2), 1) * reached
            area += (recall - before) * hits / len(alarms)
            before = recall
        areas.append(area)
    return float(np.mean(areas))


@settings(max_examples=60)
@given(series(), st.integers(0, 7))
def test_vus_pr_is_its_definition(given_series: Series, buffer: int) -> None:
    assert vus_pr(*given_series, buffer) == pytest.approx(by_definition(*given_series, buffer), abs=1e-12)


def test_one_anomaly_without_a_buffer_has_the_average_precision() -> None:
    draw = np.random.default_rng(0)
    anomaly = np.arange(200) // 20 == 4
    scores = draw.normal(anomaly * 1.0)
    one_segment = np.zeros(200, int)
    assert vus_pr(scores, anomaly, one_segment, 0) == pytest.approx(average_precision_score(anomaly, scores))


def test_random_scores_have_the_volume_of_chance() -> None:
    """Point adjustment gives them much more."""
    draw = np.random.default_rng(0)
    anomaly = np.arange(4000) % 1000 < 100
    assert vus_pr(draw.normal(size=4000), anomaly, np.zeros(4000, int), 20) < 0.15


def test_perfect_scores_of_the_buffered_labels_have_nearly_the_whole_volume() -> None:
    anomaly = np.arange(400) % 200 >= 150
    assert vus_pr(anomaly.astype(float), anomaly, np.zeros(400, int), 0) == 1


def test_runs_end_where_segments_do() -> None:
    flags = np.array([1, 1, 0, 1, 1, 1], bool)
    np.testing.assert_array_equal(runs(flags, np.array([0, 0, 0, 0, 1, 1])), [[0, 2], [3, 4], [4, 6]])


def test_an_event_is_hit_by_one_alarm_and_false_alarms_are_runs_beside_events() -> None:
    anomaly = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1, 0], bool)
    alarm = np.array([1, 1, 0, 1, 1, 0, 1, 0, 0, 0], bool)
    found = events(alarm, anomaly, np.zeros(10, int), points_per_day=3.5)
    assert (found["events"], found["event_recall"]) == (2, 0.5)
    assert found["event_recall_low"] < 0.5 < found["event_recall_high"]
    assert found["false_alarms_per_day"] == 2 / 2  # 0-1 and 6; 3-4 touches an event; 7 normal points are two days


def test_windows_are_taken_in_the_order_of_time_and_gaps_are_borders() -> None:
    index = np.array([3, 1, 2, 9, 8])
    anomaly = np.array([True, False, False, False, True])
    scores = np.array([5.0, 1, 2, 9, 4])
    found = of_windows(scores, anomaly, index, borders=NONE, reach=2, per_day=3.0, threshold=4.5)
    segment = np.array([0, 0, 0, 1, 1])
    in_time = (np.array([1.0, 2, 5, 4, 9]), np.array([False, False, True, True, False]))
    assert found["vus_pr"] == vus_pr(*in_time, segment, 2)
    assert (found["events"], found["event_recall"], found["false_alarms_per_day"]) == (2, 0.5, 1.0)


def of_two(first: Series, second: Series, borders: list[int], buffer: int = 2) -> dict[str, float]:
    """Measure windows that follow each other in a snapshot without a number between them."""
    scores, anomaly = (np.concatenate(both) for both in list(zip(first, second, strict=True))[:2])
    index = np.arange(len(scores))
    return of_windows(scores, anomaly, index, borders=np.array(borders), reach=buffer, per_day=1.0, threshold=3.5)


@settings(max_examples=60)
@given(series(), st.integers(0, 7))
def test_two_series_that_are_the_same_have_the_volume_of_the_one(one: Series, buffer: int) -> None:
    """Sums of labels are twice those of one, and shares of anomalies, precision and recall are its own."""
    count = len(one[0])
    whole = (one[0], one[1], np.zeros(count, int))
    found = of_two(whole, whole, [0, count], buffer)
    assert found["vus_pr"] == pytest.approx(vus_pr(*whole, buffer), abs=1e-12)
    assert found["events"] == 2 * len(runs(whole[1], whole[2]))


def test_no_buffer_reaches_over_a_border() -> None:
    """By hand: the last window of three is anomalous and scored highest, then one beyond the border, then the second.

    Buffers of 0 and 1 give the area 1. That of 2 labels the second window, too, by s = sqrt(1 / 2): at the first
    threshold precision is 1 and recall 1 / ((1 + 1 + s) / 2), at the third precision is (1 + s) / 3 and recall 1.
    """
    first = (np.array([1.0, 2, 4]), np.array([False, False, True]), NONE)
    second = (np.array([3.0, 0, 0]), np.zeros(3, bool), NONE)
    s = 0.5**0.5
    recall = 2 / (2 + s)
    by_hand = (1 + 1 + recall + (1 - recall) * (1 + s) / 3) / 3
    assert of_two(first, second, [0, 3])["vus_pr"] == pytest.approx(by_hand, abs=1e-12)
    assert of_two(first, second, [])["vus_pr"] > by_hand + 0.01  # the window beyond it counts as near the anomaly


def test_an_event_and_a_run_of_alarms_end_at_a_border() -> None:
    anomalous = (np.array([0.0, 9]), np.array([False, True]), NONE)
    beyond = (np.array([9.0, 9, 0]), np.array([True, False, False]), NONE)
    found = of_two(anomalous, beyond, [2])
    assert (found["events"], found["event_recall"]) == (2, 1)
    quiet = (np.array([9.0, 0, 0]), np.array([False, False, True]), NONE)
    assert of_two(anomalous, quiet, [])["false_alarms_per_day"] == 0  # it touches the event
    assert of_two(anomalous, quiet, [2])["false_alarms_per_day"] == 1 / 3


def test_scores_without_a_threshold_have_no_events() -> None:
    scores, anomaly = np.arange(4.0), np.arange(4) > 2
    found = of_windows(scores, anomaly, np.arange(4), borders=NONE, reach=1, per_day=1, threshold=None)
    assert list(found) == ["vus_pr"]


def test_a_buffer_reaches_behind_an_anomaly_that_comes_first():
    anomaly, segment = np.arange(6) == 0, np.zeros(6, int)
    behind, ahead = (vus_pr(scores, anomaly, segment, 4) for scores in (np.arange(6.0, 0, -1), np.arange(6.0)))
    assert behind == vus_pr(np.arange(6.0), anomaly[::-1], segment, 4) == pytest.approx(1, abs=0.05)
    assert ahead < 0.5
