"""Probes, clusters and neighbours on codes whose classes are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from hourglass.evaluation.probes import Lines, clusters, directions, neighbourhoods, probes, separation, slopes


def heaps(seed, rows=200, classes=4, apart=20.0, latent=6):
    """Draw codes around as many places, far apart, and tell their classes."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, classes, rows)
    return (apart * np.eye(latent)[label] + draw.normal(size=(rows, latent))).astype(np.float32), label


def test_classes_that_lie_apart_are_told_without_error():
    (z, label), (test_z, test_label) = heaps(0), heaps(1)
    found = probes(z, label, test_z, test_label)
    assert found["linear"] == found["neighbours"] == 1
    assert found["linear_low"] == pytest.approx(0.025 ** (1 / 200)), "exact, of 200 of 200"
    assert found["majority"] == (test_label == np.bincount(label).argmax()).mean() < 0.4


def test_codes_that_say_nothing_are_told_by_chance():
    draw = np.random.default_rng(0)
    label, test_label = draw.integers(0, 4, (2, 2000))
    found = probes(draw.normal(size=(2000, 3)), label, draw.normal(size=(2000, 3)), test_label)
    assert found["linear"] == pytest.approx(1 / 4, abs=0.04)
    assert found["neighbours"] == pytest.approx(1 / 4, abs=0.04)


def test_a_ring_around_a_heap_is_told_by_neighbours_and_not_by_a_line():
    draw = np.random.default_rng(0)
    angle, label = draw.uniform(0, 2 * np.pi, (2, 400)), np.tile([0, 1], (2, 200))
    z = label[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    found = probes(z[0], label[0], z[1], label[1])
    assert found["neighbours"] == 1
    assert found["linear"] < 0.75


def test_a_linear_probe_does_not_depend_on_the_scale_of_a_unit():
    (z, label), (test_z, test_label) = heaps(0, apart=2.0), heaps(1, apart=2.0)
    scale = np.float32([1e-3, 1, 1e3, 1, 1, 1])
    found, scaled = probes(z, label, test_z, test_label), probes(z * scale, label, test_z * scale, test_label)
    assert 0.5 < found["linear"] < 1
    assert scaled["linear"] == pytest.approx(found["linear"], abs=0.01)


def test_heaps_are_found_as_the_classes_that_they_are():
    (z, _), (test_z, test_label) = heaps(0), heaps(1)
    assert clusters(z, test_z, test_label, classes=4, seed=0) == pytest.approx({"nmi": 1, "ari": 1})


def test_two_heaps_of_four_classes_share_one_bit_of_two():
    label, test_label = (heaps(seed, rows=4000)[1] for seed in (0, 1))
    merged = [np.where((of % 2 == 0)[:, None], 0, 20) + np.zeros((len(of), 6)) for of in (label, test_label)]
    found = clusters(merged[0], merged[1], test_label, classes=2, seed=0)
    assert found["nmi"] == pytest.approx(2 / 3, abs=0.01), "1 bit by the mean of 1 and 2 bits"


def test_clusters_of_noise_are_no_classes():
    draw = np.random.default_rng(0)
    found = clusters(
        draw.normal(size=(500, 4)), draw.normal(size=(500, 4)), draw.integers(0, 5, 500), classes=5, seed=0
    )
    assert found["ari"] == pytest.approx(0, abs=0.02)


def test_codes_that_collapsed_are_measured_all_the_same():
    (_, label), zero = heaps(0), np.zeros((200, 6), np.float32)
    assert clusters(zero, zero, label, classes=4, seed=0) == {"nmi": 0, "ari": 0}
    assert probes(zero, label, zero, label)["linear"] < 0.4


def test_a_turned_row_keeps_all_neighbours_and_a_dropped_side_tears_or_joins():
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(100, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert neighbourhoods(rows, rows @ turn) == pytest.approx({"trustworthiness": 1, "continuity": 1})
    flat = neighbourhoods(rows, rows[:, :1])
    assert flat["trustworthiness"] < flat["continuity"] < 1, "what was far apart falls together"


def test_two_rows_that_changed_places_are_as_worked_out_by_hand():
    rows, codes = np.array([[0.0], [1], [10], [12], [30]]), np.array([[0.0], [10], [1], [12], [30]])
    # the nearest code belongs to a row of rank 2, 3, 3, 2, 1: (1 + 2 + 2 + 1 + 0) of 15 lost, and likewise back
    found = neighbourhoods(rows, codes, neighbours=1)
    assert found == pytest.approx({"trustworthiness": 1 - 6 / 15, "continuity": 1 - 6 / 15})


def test_a_direction_points_from_the_others_to_a_class_and_tells_it_on_held_out_codes():
    (z, label), (test_z, test_label) = heaps(0), heaps(1)
    present, axes = directions(z, label)
    assert present.tolist() == [0, 1, 2, 3]
    # the class at 20 on its axis, the others at 0 there
    np.testing.assert_allclose(np.diag(axes[:, :4]), 20, atol=0.5)
    assert separation(test_z, test_label, present, axes) == [1, 1, 1, 1]


def test_one_class_has_no_direction():
    present, axes = directions(np.ones((5, 3)), np.zeros(5, int))
    assert (len(present), axes.shape) == (0, (0, 3))


def test_five_neighbours_have_a_vote_each():
    z, label = np.array([[1.0], [2], [3], [4], [5], [6], [20], [21]]), np.array([0, 0, 1, 1, 1, 0, 0, 0])
    assert probes(z, label, np.zeros((1, 1)), np.array([1]))["neighbours"] == 1, "three of five, of six it were a tie"


def test_few_rows_are_compared_by_fewer_neighbours():
    rows = np.arange(4.0)[:, None]
    assert neighbourhoods(rows, rows) == {"trustworthiness": 1, "continuity": 1}


def test_a_class_that_no_other_row_has_or_all_have_tells_nothing():
    z, label = np.array([[1.0], [2], [3]]), np.array([1, 1, 1])
    assert np.isnan(separation(z, label, np.array([1, 2]), np.ones((2, 1)))).all()


def test_of_a_number_that_is_0_or_1_the_slope_is_the_way_of_its_class():
    (z, label), _ = heaps(0), heaps(1)
    one = (label == 2).astype(float)
    expected = directions(z, label)[1][2] * one.std()
    np.testing.assert_allclose(slopes(z, one[:, None])[0], expected, atol=1e-9)


@given(st.integers(2, 40), st.integers(1, 60), st.integers(0, 99))
def test_lines_through_codes_are_those_of_least_squares_with_the_smallest_weights(rows, latent, seed):
    draw = np.random.default_rng(seed)
    z, numbers = draw.normal(size=(rows, latent)), draw.normal(size=(rows, 2))
    z[:, 0] = 3.0
    found, standard = Lines.of(z, numbers), StandardScaler().fit_transform(z)
    expected = LinearRegression().fit(standard, numbers).predict(standard)
    np.testing.assert_allclose(z @ found.weights + found.offsets, expected, atol=1e-6)
    others = draw.normal(size=(9, latent)), draw.normal(size=(9, 2))
    expected = [r2_score(others[1][:, at], others[0] @ found.weights[:, at] + found.offsets[at]) for at in range(2)]
    np.testing.assert_allclose(found.r2(*others), expected)


def test_nothing_is_told_of_a_number_that_never_differs():
    assert np.isnan(Lines(np.ones((1, 1)), np.zeros(1)).r2(np.ones((3, 1)), np.ones((3, 1)))).all()
