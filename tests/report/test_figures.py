"""Figures: what is drawn of much, and how."""

import re

import numpy as np

from hourglass.report import figures
from hourglass.report.figures import rows
from hourglass.report.figures.drawing import shorten


def test_a_walk_of_arrays_has_a_curve_for_each_step():
    steps = np.random.default_rng(0).normal(size=(7, 20))
    drawn = figures.fans([("unit 1", steps), ("unit $2$", steps)], 2, name="fan", label="walks")
    assert drawn.count("<path d=") == 14
    assert "unit $2$" in drawn


def test_use_of_thousands_of_entries_is_thinned():
    drawn = figures.ranked([np.ones(8192) / 8192], 1 / 8192, name="use", label="use", x_label="x", y_label="y")
    assert len(drawn) < 40_000


def test_wide_counts_are_put_together():
    drawn = figures.counts(np.arange(5000), name="l0", label="l0", x_label="active units")
    assert len(drawn) < 20_000


def test_channels_are_drawn_below_each_other_and_many_as_one_curve():
    few, many = np.zeros((2, 30)), np.zeros((9, 4))
    assert [len(rows._lanes(one)) for one in (few, many, few[0])] == [2, 1, 1]
    upper, lower = rows._placed(np.array([[0.0, 1.0], [0.0, 1.0]]), 0, 0, 0.8)
    assert lower[:, 1].max() == upper[:, 1].min()


def drawn_curves(values):
    epochs = [{"epoch": place, "train": {"dead": value}, "validation": {}} for place, value in enumerate(values, 1)]
    return figures.curves(epochs, "dead", len(values), name="curve", label="curve")


def test_epochs_are_whole_numbers_on_the_axis_of_a_curve():
    drawn = drawn_curves(np.arange(20.0))
    assert ">20<" in drawn
    assert not any(f">{part}<" in drawn for part in ("2.5", "20.0", "17.5"))


def test_a_term_that_is_zero_throughout_has_no_axis_below_zero():
    drawn = drawn_curves(np.zeros(5))
    assert ">0.0<" in drawn
    assert "\N{MINUS SIGN}0" not in drawn


def test_a_large_latent_map_is_thinned():
    layout = np.random.default_rng(0).normal(size=(20_000, 2))
    drawn = figures.latent_map(layout, np.zeros(20_000, int), ["a"], [], 1000, name="map", aria="map")
    assert 900 < drawn.count("<use") <= 1100


def test_small_scores_keep_their_digits_on_the_axis():
    values = np.geomspace(0.001, 0.1, 50)
    drawn = figures.scores(values, np.zeros(50, bool), 0.05, name="scores", label="scores")
    assert ">0.005<" in drawn


def test_percentages_with_a_decimal_leave_room_for_the_name_of_their_axis():
    values = np.r_[np.full(7, 0.05), np.linspace(0.01, 0.1, 33)]
    drawn = figures.scores(np.r_[values, np.full(1, 0.05)], np.zeros(41, bool), 0.09, name="scores", label="scores")
    ends = [float(x) for x in re.findall(r'text-anchor: end; fill: var\(--muted\)" x="([\d.]+)"', drawn)]
    (axis,) = re.findall(r'x="([\d.]+)"[^>]*>share of rows', drawn)
    assert min(ends) - len("17.5 %") * 6.6 > float(axis) + 3  # 6.6 points a digit, 3 below the axis' name


def test_of_many_classes_none_is_named_on_the_map():
    layout, label = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 50
    names = [f"class {place}" for place in range(50)]
    drawn = {
        few: figures.latent_map(layout, label % few, names[:few], [], 100, name="map", aria="map") for few in (20, 50)
    }
    assert ["class 3" in drawn[few] for few in (20, 50)] == [True, False]


def test_a_long_name_keeps_both_ends_in_a_picture_and_a_dollar_is_one():
    long = "price of the third product in $ at site 17"
    assert shorten(long, 20) == "price of t\N{HORIZONTAL ELLIPSIS}t site 17"
    assert shorten("in $", 20) == r"in \$"


def test_labels_beside_an_axis_stand_within_the_figure_whatever_the_ticks_are():
    drawn = figures.bounds([1, 10], [-123456.5, -123400.25], [1.0, 2.0], name="b", label="b")
    left = drawn[: drawn.index(">nats a row<")].rpartition(' x="')[2].partition('"')[0]
    assert 12 < float(left) < 20  # it is 12.5 high and turned
