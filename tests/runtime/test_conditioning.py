"""What is known of rows becomes numbers, and nothing where it isn't known."""

import numpy as np
import pandas as pd
import pytest

from hourglass.runtime import InputError
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Column, TableSchema

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
