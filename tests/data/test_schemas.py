"""What a row is follows from the data, and from the settings where the data is unclear."""

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams, SplitParams
from hourglass.data.schemas import settle
from hourglass.data.sources import Raw
from hourglass.data.surveying import features, survey
from hourglass.errors import HourglassError
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import Column


def columns(frame: pd.DataFrame, *, train: np.ndarray | None = None, **params: object) -> tuple[Column, ...]:
    """Infer the columns of a table, of which `train` tells the training rows."""
    train = np.ones(len(frame), bool) if train is None else train
    frame = frame.assign(part=np.where(train, "train", "test"))
    return settled(Raw("table", frame, frame), SplitParams(by="given", column="part"), **params).columns


def settled(raw: Raw, splitting: SplitParams, **params: object) -> Schema:
    data = DataParams(**params)
    return settle(survey(lambda: [raw], data, splitting), lambda: [raw], data, splitting)[0]


def test_numbers_and_categories_are_told_apart(frame: pd.DataFrame) -> None:
    assert columns(frame[["height", "colour"]]) == (
        Column("height", "number", scale="standard"),
        Column("colour", "category", ("blue", "green", "red")),
    )


@pytest.mark.parametrize("numbers", [[1, 2, 3, 4], ["1", "2", "3", "4"], [1, True, 3, 4]])
def test_numbers_are_numbers_however_they_are_written(numbers: list[object]) -> None:
    assert columns(pd.DataFrame({"a": numbers})) == (Column("a", "number", scale="standard"),)


def test_numbers_may_be_declared_categories() -> None:
    found = columns(pd.DataFrame({"zip": [10, 20, 10.0, 20]}), columns={"zip": "category"})
    assert found == (Column("zip", "category", ("10", "20")),)


def test_categories_are_learnt_from_training_rows_alone() -> None:
    train = np.array([True, True, True, True, False, False])
    frame = pd.DataFrame({"c": [*"abab", "c", "c"]})
    assert columns(frame, train=train) == (Column("c", "category", ("a", "b")),)


def test_the_label_and_the_split_column_are_no_features(frame: pd.DataFrame) -> None:
    kept = features(Raw("table", frame, frame), DataParams(label="class", normal=["good"]), "height")
    assert list(kept) == ["weight", "colour"]


def test_ignored_columns_are_no_features(frame: pd.DataFrame) -> None:
    kept = features(Raw("table", frame, frame), DataParams(columns={"colour": "ignore", "class": "ignore"}), None)
    assert list(kept) == ["height", "weight"]


def test_an_array_has_the_shape_of_its_rows() -> None:
    x = np.zeros((5, 4, 3), np.uint8)
    assert settled(Raw("image", x, pd.DataFrame()), SplitParams()) == ArraySchema("image", (4, 3))


def test_text_among_numbers_is_named_by_its_row() -> None:
    frame = pd.DataFrame({"price": [*range(20), "n.a."]})
    with pytest.raises(HourglassError, match=r"column 'price', row 20: 'n\.a\.' is no number.*1 such of 21"):
        columns(frame)


def test_text_in_a_declared_column_of_numbers_is_named_by_its_row() -> None:
    with pytest.raises(HourglassError, match="column 'a', row 1: 'x' is no number"):
        columns(pd.DataFrame({"a": [1, "x", "y"]}), columns={"a": "number"})


def test_a_column_of_identifiers_is_refused() -> None:
    frame = pd.DataFrame({"id": [f"row {number}" for number in range(50)]})
    with pytest.raises(HourglassError, match=r"column 'id' has 50 different texts in 50 rows; those.*id: ignore"):
        columns(frame)


def test_an_empty_column_is_named() -> None:
    with pytest.raises(HourglassError, match="column 'b' is empty"):
        columns(pd.DataFrame({"a": [1], "b": [None]}))


def test_a_column_that_the_training_rows_leave_empty_is_no_category() -> None:
    frame = pd.DataFrame({"c": [None] * 9 + ["a"], "n": range(10)})
    with pytest.raises(HourglassError, match="column 'c' is a category, and no normal training row has a value in it"):
        columns(frame, train=np.arange(10) < 9)


def test_settings_say_how_a_column_is_scaled_and_filled() -> None:
    frame = pd.DataFrame({"a": range(9), "t": pd.date_range("2024-01-01", periods=9).astype(str)})
    settings = {"a": {"scale": "robust", "impute": "median"}, "t": {"cycles": True}}
    assert columns(frame, columns=settings, normalise="minmax") == (
        Column("a", "number", scale="robust", impute="median"),
        Column("t", "time", scale="minmax", cycles=True),
    )


def test_an_unknown_column_in_the_settings_is_named(frame: pd.DataFrame) -> None:
    with pytest.raises(HourglassError, match=r"data.columns is 'size'.*there: height"):
        features(Raw("table", frame, frame), DataParams(columns={"size": "number"}), None)


def test_a_table_without_features_is_refused() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(HourglassError, match="no column is left"):
        features(Raw("table", frame, frame), DataParams(label="a", normal=[1]), None)


def test_what_stands_beside_rows_is_not_told_to_be_set_as_a_column_of_a_table() -> None:
    raw = Raw("array", np.zeros((50, 2)), pd.DataFrame({"file": [f"{number}.png" for number in range(50)]}))
    (found,) = survey(lambda: [raw], DataParams(), SplitParams())["columns"]
    assert found["why"].endswith("those are no categories; it is only carried along.")
