"""Sketches and nights are what their definitions say, and the same wherever a picture stands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from hourglass.runtime.derived import derive


def pictures(*shape: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_edges_are_the_gradient_of_sobel() -> None:
    images = pictures(5, 9, 7)
    for image, edges in zip(images.astype(float), derive(images, "edges"), strict=True):
        gradient = np.hypot(*(ndimage.sobel(image, axis, mode="nearest") for axis in (0, 1)))
        np.testing.assert_array_equal(edges, (gradient / 4).clip(0, 255).round())


def test_a_step_has_an_edge_as_high_as_itself_and_a_flat_picture_none() -> None:
    step = np.zeros((1, 6, 6), np.uint8)
    step[:, :, 3:] = 200
    np.testing.assert_array_equal(derive(step, "edges")[0, 0], [0, 0, 200, 200, 0, 0])
    assert not derive(np.full((1, 6, 6, 3), 90, np.uint8), "edges").any()


def test_colours_have_the_edges_of_their_grey() -> None:
    grey = pictures(3, 6, 6)
    np.testing.assert_array_equal(derive(np.repeat(grey[..., None], 3, axis=3), "edges"), derive(grey, "edges"))


@pytest.mark.parametrize(("channels", "light"), [(3, [0.2, 0.25, 0.45]), (4, [0.2, 0.25, 0.45, 1]), (2, [0.3, 1])])
def test_night_is_darker_and_bluer_and_keeps_opacity(channels: int, light: list[float]) -> None:
    flat = np.full((1, 64, 64, channels), 200, np.uint8)
    night = derive(flat, "night")[0].astype(float)
    np.testing.assert_allclose(night.mean(axis=(0, 1)), 200 * np.array(light), atol=0.5)
    opacity = channels in (2, 4)
    assert not opacity or night[..., -1].std() == 0
    np.testing.assert_allclose(night[..., 0].std(), 0.03 * 200, rtol=0.05)


@given(st.permutations(range(6)), st.sampled_from(["edges", "night"]), st.sampled_from(["uint8", "uint16"]))
def test_a_partner_does_not_depend_on_where_its_picture_stands(order: list[int], how: str, dtype: str) -> None:
    images = pictures(6, 5, 4, dtype=dtype)
    made = derive(images, how)
    assert made.dtype == images.dtype
    np.testing.assert_array_equal(derive(images[order], how), made[order])


def test_nothing_has_no_partners() -> None:
    assert derive(np.zeros((0, 5, 4, 3), np.uint8), "night").shape == (0, 5, 4, 3)
    assert derive(np.zeros((0, 5, 4), np.uint8), "edges").shape == (0, 5, 4)
