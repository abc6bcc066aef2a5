"""Rows made to order."""

import numpy as np

from hourglass.evaluation.portrait.conditions import to_order
from hourglass.evaluation.portrait.rows import in_net_units


def test_each_class_gets_rows_from_the_same_noise(image_cvae):
    found, arrays = to_order(image_cvae.model, seed=3)
    assert found == {"column": "digit", "values": [str(one) for one in range(10) if one != 8], "of": 9}
    assert arrays["condition_x"].shape == (9, 8, 1, 8, 8)
    for place, value in ((0, "0"), (4, "4")):
        served = image_cvae.model.sample(8, seed=3, condition={"digit": [value]})
        np.testing.assert_array_equal(arrays["condition_x"][place], in_net_units(image_cvae.model, served))
    assert not np.allclose(arrays["condition_x"][0], arrays["condition_x"][4], atol=0.1)


def test_a_model_that_is_told_nothing_has_no_orders(image_vae):
    assert to_order(image_vae.model, seed=0) == ({}, {})
