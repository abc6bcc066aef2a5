"""What is known of rows becomes numbers, and nothing where it isn't known."""

import numpy as np
import pandas as pd
import pytest

from hourglass.runtime import InputError
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.table import Column, TableSchema

SCHEMA = TableSchema((Column("age", "number"), Column("sex", "category", ("f", "m"))))


@pytest.fixture
def conditioning() -> Conditioning:
    return Conditioning(SCHEMA, Normaliser(np.array([40.0, 0, 0]), np.array([10.0, 1, 1])), of_label=False)


def test_columns_become_numbers_in_the_nets_units_and_a_one(conditioning: Conditioning) -> None:
    told, known = conditioning.encode(pd.DataFrame({"sex": ["m", "f"], "age": [60, 35], "other": [1, 2]}))
    np.testing.assert_allclose(told, [[2, 0, 1, 1], [-0.5, 1, 0, 1]])
    assert known.all()
    assert conditioning.known == 4


@pytest.mark.parametrize("row", [{"age": None, "sex": "m"}, {"age": 50, "sex": "x"}, {"age": 50, "sex": None}])
def test_a_row_of_which_something_is_unknown_is_told_nothing(conditioning: Conditioning, row: dict) -> None:
    told, known = conditioning.encode(pd.DataFrame([row, {"age": 50, "sex": "m"}]))
    assert not told[0].any()
    assert known.tolist() == [False, True]
    np.testing.assert_array_equal(conditioning.unknown(1), told[:1])


def test_numbers_become_the_columns_again(conditioning: Conditioning) -> None:
    rows = pd.DataFrame({"age": [40.0, 35.0, None], "sex": ["m", "f", "m"]})
    back = conditioning.decode(conditioning.encode(rows)[0])
    assert back["age"].tolist()[:2] == [40, 35], "the mean is no gap"
    assert back["sex"].tolist() == ["m", "f", None]
    assert pd.isna(back["age"][2])


def test_a_missing_column_is_named(conditioning: Conditioning) -> None:
    with pytest.raises(InputError, match="column 'sex' is missing"):
        conditioning.encode({"age": [40]})


def test_it_survives_as_json(conditioning: Conditioning) -> None:
    again = Conditioning.from_config(conditioning.config())
    assert again.config() == conditioning.config()
    assert again.schema == SCHEMA


@pytest.fixture
def photos() -> Conditioning:
    schema = ArraySchema("image", (2, 3), "photo")
    return Conditioning(schema, Normaliser(np.array(10.0), np.array(2.0)), of_label=False)


def test_an_array_becomes_flat_numbers_in_the_nets_units_and_a_one(photos: Conditioning) -> None:
    given = np.arange(12.0).reshape(2, 2, 3)
    given[1, 0, 0] = np.nan
    told, known = photos.encode({"x": np.zeros((2, 5)), "photo": given})
    np.testing.assert_allclose(told, [[-5, -4.5, -4, -3.5, -3, -2.5, 1], [0] * 7])
    assert known.tolist() == [True, False]
    assert (photos.known, photos.known_shape, photos.names) == (7, (1, 2, 3), ("photo",))
    np.testing.assert_allclose(photos.decode(told)[0], given[0])
    assert np.isnan(photos.decode(told)[1]).all()


def test_what_is_known_comes_beside_the_rows_as_a_model_takes_them(
    conditioning: Conditioning, photos: Conditioning
) -> None:
    frame = pd.DataFrame({"height": [1.0, 2.0]})
    beside = conditioning.beside(frame, conditioning.usual(2))
    assert beside.to_dict("list") == {"height": [1, 2], "age": [40, 40], "sex": ["f", "f"]}
    x = np.zeros((2, 5))
    fields = photos.beside(x, photos.usual(2))
    assert fields.dtype.names == ("x", "photo")
    np.testing.assert_allclose(photos.encode(fields)[0], photos.usual(2))
    mixed = conditioning.beside(x, conditioning.usual(2))
    assert mixed["sex"].tolist() == ["f", "f"]
    np.testing.assert_allclose(conditioning.encode(mixed)[0], [[0, 1, 0, 1]] * 2)


def test_an_array_survives_as_json(photos: Conditioning) -> None:
    again = Conditioning.from_config(photos.config())
    assert (again.config(), again.schema) == (photos.config(), photos.schema)
