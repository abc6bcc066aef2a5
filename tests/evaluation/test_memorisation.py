"""Whether training rows were copied, on sets where it is known."""

import numpy as np
import pytest

from hourglass.evaluation.memorisation import memorised, nearest


def test_the_nearest_training_row_is_found_with_its_distance():
    train = np.array([[0.0, 0], [3, 4], [10, 0]]).reshape(3, 1, 2)
    places, distances = nearest(np.array([[0.0, 1], [9, 0]]).reshape(2, 1, 2), train)
    assert places.tolist() == [0, 2]
    assert distances.tolist() == [1, 1]


def test_copies_are_nearer_than_any_held_out_row_and_new_rows_are_not():
    draw = np.random.default_rng(0)
    train, held_out, new = draw.normal(size=(3, 500, 6))
    far = nearest(held_out, train)[1]
    assert memorised(nearest(train[:100] + 1e-3, train)[1], far) == 1
    assert memorised(nearest(new, train)[1], far) == pytest.approx(0.5, abs=0.06)
    assert memorised(nearest(3 * new, train)[1], far) < 0.1, "rows that are like none"


def test_ties_count_one_half():
    assert memorised(np.array([1.0, 2]), np.array([1.0, 2])) == 0.5
    assert memorised(np.array([1.0, 2]), np.array([2.0, 3])) == pytest.approx(3.5 / 4)
