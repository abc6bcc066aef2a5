"""Places of the latent map and their codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.report.explorer.codes import Plane, grid, mixed, sliders


@pytest.fixture
def codes():
    return np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32) * [5, 3, 1, 1, 0.1]


def test_the_plane_shows_what_pca_says(codes):
    from sklearn.decomposition import PCA

    pca = PCA(2).fit(codes)
    plane = Plane.of(codes)
    assert plane.share == pytest.approx(pca.explained_variance_ratio_.sum())
    assert np.abs(plane.places) == pytest.approx(np.abs(pca.transform(codes)), abs=1e-4)


def test_a_place_of_the_plane_is_the_code_that_lies_there(codes):
    plane = Plane.of(codes)
    back = plane.mean + plane.places @ plane.axes
    again = (back - plane.mean) @ plane.axes.T
    assert again == pytest.approx(plane.places, abs=1e-4)


def test_codes_of_one_number_have_a_plane_too():
    plane = Plane.of(np.arange(6, dtype=np.float32)[:, None])
    assert plane.axes.tolist() == [[1], [0]]
    assert plane.places[:, 0].tolist() == pytest.approx([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert plane.share == 1


def test_equal_codes_lie_on_one_place():
    plane = Plane.of(np.ones((4, 3), np.float32))
    assert not plane.places.any()
    assert plane.share == 1


def test_at_a_rows_place_lies_its_own_code(codes):
    layout = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)
    assert mixed(layout, layout, codes.astype(np.float32)) == pytest.approx(codes, abs=1e-3)


def test_halfway_between_two_rows_their_codes_count_alike():
    layout = np.array([[0, 0], [2, 0]], np.float32)
    codes = np.array([[1, 0], [0, 3]], np.float32)
    assert mixed(np.array([[1, 0]], np.float32), layout, codes) == pytest.approx(np.array([[0.5, 1.5]]))


@given(st.integers(0, 2**32 - 1))
def test_a_mix_never_leaves_the_range_of_the_codes(seed):
    draw = np.random.default_rng(seed)
    layout, codes = draw.normal(size=(9, 2)).astype(np.float32), draw.normal(size=(9, 3)).astype(np.float32)
    mix = mixed(draw.normal(size=(4, 2), scale=3).astype(np.float32), layout, codes)
    assert (mix >= codes.min(axis=0) - 1e-5).all()
    assert (mix <= codes.max(axis=0) + 1e-5).all()


def test_a_grid_goes_row_by_row_from_the_lowest_corner():
    layout = np.array([[0, 10], [4, 30]], np.float32)
    assert grid(layout, 2).tolist() == [[1, 15], [3, 15], [1, 25], [3, 25]]


def test_of_many_units_those_that_vary_most_get_sliders():
    codes = np.random.default_rng(0).normal(size=(200, 40)) * np.r_[np.full(24, 0.1), np.full(16, 2)]
    found = sliders(codes.astype(np.float32))
    assert [one["unit"] for one in found] == list(range(24, 40))
    assert all(one["low"] < -2 < 2 < one["high"] for one in found)


def test_a_unit_that_stands_still_has_a_slider_that_moves():
    (found,) = sliders(np.zeros((9, 1), np.float32))
    assert found["high"] > found["low"]
