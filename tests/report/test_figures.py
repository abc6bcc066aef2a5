"""Figures: what is drawn of much, and how."""

import numpy as np

from hourglass.report import figures
from hourglass.report.figures import rows


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


def test_a_large_latent_map_is_thinned():
    layout = np.random.default_rng(0).normal(size=(20_000, 2))
    drawn = figures.latent_map(layout, np.zeros(20_000, int), ["a"], [], 1000, name="map", aria="map")
    assert 900 < drawn.count("<use") <= 1100


def test_small_scores_keep_their_digits_on_the_axis():
    values = np.geomspace(0.001, 0.1, 50)
    drawn = figures.scores(values, np.zeros(50, bool), 0.05, name="scores", label="scores")
    assert ">0.005<" in drawn
