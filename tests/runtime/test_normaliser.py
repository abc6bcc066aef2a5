"""One map and its inverse, the same for numpy and torch."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime.normaliser import Normaliser, denormalise, normalise

OFFSETS = st.floats(-1e9, 1e9)
SCALES = st.floats(1e-3, 1e6)


@given(OFFSETS, SCALES, st.lists(st.floats(-10, 10), min_size=1))
def test_the_inverse_undoes_the_map(offset: float, scale: float, units: list[float]) -> None:
    normaliser = Normaliser(np.array([offset]), np.array([scale]))
    x = offset + scale * np.array(units)[:, None]
    rounding = 1e-6 * scale + np.spacing(abs(offset)) * 4
    np.testing.assert_allclose(normaliser.inverse(normaliser(x)), x, rtol=0, atol=10 * rounding)


@given(OFFSETS, SCALES, st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_numpy_and_torch_agree_to_the_last_bit(offset: float, scale: float, values: list[float]) -> None:
    x = np.array(values)
    for way in (normalise, denormalise):
        by_torch = way(torch.tensor(x), torch.tensor(offset, dtype=torch.float64), scale)
        np.testing.assert_array_equal(by_torch.numpy(), way(x, offset, scale))


@given(OFFSETS, SCALES)
def test_json_keeps_every_bit(offset: float, scale: float) -> None:
    normaliser = Normaliser(np.array([offset]), np.array([scale]))
    again = Normaliser.from_config(json.loads(json.dumps(normaliser.config())))
    np.testing.assert_array_equal([again.offset, again.scale], [normaliser.offset, normaliser.scale])


def test_the_map_gives_float32_and_leaves_its_input() -> None:
    x = np.array([[1, 3]], np.uint8)
    assert Normaliser(np.array(1.0), np.array(2.0))(x).dtype == np.float32
    assert x.tolist() == [[1, 3]]


@pytest.mark.filterwarnings("error")
def test_what_float32_cannot_hold_becomes_infinite() -> None:
    assert np.isinf(Normaliser(np.array(0.0), np.array(1.0))(np.array([1e300]))).all()
