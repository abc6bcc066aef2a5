"""Numbers go their way through codes by least squares, and lines through codes tell them on other rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.evaluation.portrait import attributes
from hourglass.evaluation.portrait.attributes import attribute_directions
from hourglass.evaluation.portrait.rows import Rows, in_net_units
from tests.conftest import Packaged, packaged

from .conftest import rows_of


def along(images: np.ndarray) -> np.ndarray:
    """Where images lie on the axis that the digits vary most along."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    pixels = load_digits().data
    return flat @ np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)[2][0]


@pytest.fixture(scope="session")
def placed(digits: Raw, shared: Path) -> Packaged:
    """Images with two numbers known beside each: its place on an axis, and noise."""
    side = pd.DataFrame({"place": along(digits.rows), "noise": np.random.default_rng(0).random(len(digits.rows))})
    settings, told = {"latent": 4, "hidden": [32]}, DataParams(condition=["place", "noise"])
    return packaged(Raw("array", digits.rows, side), told, "autoencoder", settings, shared / "placed")


def found_of(made: Packaged) -> tuple[dict[str, Any], dict[str, Any], Rows, Any]:
    rows = rows_of(made)
    z = made.model.encode(rows.raw)
    return *attribute_directions(made.model, made.dataset, rows, z), rows, z


def test_columns_that_codes_tell_best_are_shown_with_what_a_line_tells_of_them_on_other_rows(table_autoencoder):
    found, arrays, rows, z = found_of(table_autoencoder)
    model, train = table_autoencoder.model, table_autoencoder.dataset.raw("train")
    codes, own, others = model.encode(train), in_net_units(model, train), in_net_units(model, rows.raw)
    numbers = {column.name: place for place, column in model.schema.numbers.items()}
    told = {
        name: LinearRegression().fit(codes, own[:, place]).score(codes, own[:, place])
        for name, place in numbers.items()
    }
    assert found["of"] == len(numbers) == 30, "the category isn't a number"
    assert found["names"] == sorted(told, key=told.__getitem__, reverse=True)[:8]
    expected = [
        LinearRegression().fit(codes, own[:, numbers[name]]).score(z, others[:, numbers[name]])
        for name in found["names"]
    ]
    np.testing.assert_allclose(found["r2"], expected, atol=1e-5)
    assert arrays["attribute_x"].shape == (8, 7, *model.schema.shape)


def test_the_way_leads_from_the_mean_code_to_where_the_number_is_two_deviations_larger(table_autoencoder):
    found, arrays, _, _ = found_of(table_autoencoder)
    model, train = table_autoencoder.model, table_autoencoder.dataset.raw("train")
    codes = model.encode(train).astype(np.float64)
    (place,) = (place for place, column in model.schema.numbers.items() if column.name == found["names"][0])
    number = in_net_units(model, train)[:, place].astype(np.float64)
    slope = LinearRegression().fit(((number - number.mean()) / number.std())[:, None], codes).coef_[:, 0]
    ends = model.decode(np.float32([codes.mean(0) - 2 * slope, codes.mean(0) + 2 * slope]))
    np.testing.assert_allclose(arrays["attribute_x"][0, [0, -1]], in_net_units(model, ends), atol=1e-4)
    grown = arrays["attribute_x"][np.arange(8), -1] - arrays["attribute_x"][np.arange(8), 0]
    places = {column.name: place for place, column in model.schema.numbers.items()}
    assert all(grown[at, places[name]] > 1 for at, name in enumerate(found["names"])), "the column itself grows"


@pytest.mark.long
def test_numbers_known_beside_images_have_a_way(placed):
    found, arrays, _, _ = found_of(placed)
    assert (found["names"], found["of"]) == (["place", "noise"], 2)
    assert found["r2"][0] > 0.5
    assert found["r2"][1] < 0.1
    assert (np.diff(along(arrays["attribute_x"][0])) > 0).all()


@pytest.mark.long
def test_a_label_that_a_model_is_told_is_no_number(image_cvae):
    assert found_of(image_cvae)[:2] == ({}, {})


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_few_rows_and_numbers_that_never_differ_have_no_way(table_autoencoder, monkeypatch):
    model, rows = table_autoencoder.model, rows_of(table_autoencoder)
    for count in (0, 19):
        few = rows.take(np.arange(count))
        assert attribute_directions(model, table_autoencoder.dataset, few, model.encode(few.raw)) == ({}, {})
    same = rows.take(np.zeros(40, int))
    assert attribute_directions(model, table_autoencoder.dataset, same, model.encode(same.raw)) == ({}, {})
    monkeypatch.setattr(attributes, "_TRIED", 2)
    assert found_of(table_autoencoder)[0]["of"] == 2


def test_images_of_which_nothing_is_known_have_no_numbers(image_vae):
    assert found_of(image_vae)[:2] == ({}, {})
