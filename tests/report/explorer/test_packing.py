"""Arrays as text."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from hourglass.report.explorer import packing


@given(
    arrays(np.float32, array_shapes(min_dims=1, max_dims=3)) | arrays(np.uint8, array_shapes(min_dims=1, max_dims=3))
)
def test_arrays_come_back_to_the_bit(values):
    packed = packing.array(values)
    back = packing.unpacked(packed)
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert back.tobytes() == values.tobytes()
    assert len(packed["data"]) <= packing.length(values.nbytes)


def test_all_but_bytes_become_float32():
    assert packing.array(np.arange(3))["type"] == "float32"


def test_equal_arrays_give_equal_text():
    values = np.random.default_rng(0).normal(size=(50, 7))
    assert packing.array(values) == packing.array(values.copy())
