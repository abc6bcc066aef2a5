"""Directions of classes are means of codes, and what they change is decoded by the package."""

from dataclasses import replace

import numpy as np

from hourglass.evaluation.portrait.directions import class_directions
from hourglass.evaluation.portrait.rows import in_net_units

from .conftest import rows_of


def test_directions_lead_from_the_other_digits_to_each(image_vae):
    rows = rows_of(image_vae)
    model, z = image_vae.model, image_vae.model.encode(rows.raw)
    found, arrays = class_directions(model, rows, z)
    assert found["labels"] == [0, 1, 2, 3, 4, 5, 6, 7], "eight are shown of the nine that are normal"
    assert found["of"] == 9
    assert arrays["direction_x"].shape == (8, 7, 1, 8, 8)
    half, label = z[::2].astype(float), rows.label[::2]
    axis = half[label == 3].mean(0) - half[label != 3].mean(0)
    served = model.decode(np.float32([half.mean(0) - axis, half.mean(0) + axis]))
    np.testing.assert_allclose(arrays["direction_x"][3, [0, -1]], in_net_units(model, served), atol=1e-4)


def test_a_digit_is_told_by_its_direction_and_noise_is_not(image_vae):
    rows = rows_of(image_vae)
    z = image_vae.model.encode(rows.raw)
    assert np.mean(class_directions(image_vae.model, rows, z)[0]["auroc"]) > 0.8
    shuffled = replace(rows, label=np.random.default_rng(0).permutation(rows.label))
    assert abs(np.mean(class_directions(image_vae.model, shuffled, z)[0]["auroc"]) - 0.5) < 0.12


def test_rows_of_one_class_or_none_have_no_directions(image_vae):
    rows = rows_of(image_vae)
    z = image_vae.model.encode(rows.raw)
    for label in (np.full(len(rows), 3), np.full(len(rows), -1)):
        assert class_directions(image_vae.model, replace(rows, label=label), z) == ({}, {})
