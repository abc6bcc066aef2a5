"""Rows are taken as people have them; a row that can't be judged is told from a mistake in all of them."""

from base64 import b64encode
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.runtime.array import ArraySchema
from hourglass.runtime.errors import InputError
from hourglass.runtime.images import encode_png
from hourglass.runtime.schema import Schema, schema_from_config
from hourglass.runtime.table import Column, TableSchema

TABLE = TableSchema(
    (Column("height", "number"), Column("colour", "category", ("blue", "red")), Column("floor", "category", ("1", "2")))
)
FRAME = pd.DataFrame({"height": [1.5, 2], "colour": ["red", "blue"], "floor": [2, 1]})
ENCODED = [[1.5, 0, 1, 0, 1], [2, 1, 0, 1, 0]]
GREY = ArraySchema("image", (2, 3))
COLOUR = ArraySchema("image", (2, 3, 4))
SERIES = ArraySchema("array", (3, 2))
PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


@pytest.mark.parametrize(
    "rows",
    [
        FRAME,
        FRAME[["floor", "height", "colour"]],
        FRAME.assign(note="?"),
        FRAME.astype(str),
        FRAME.astype({"colour": "category", "floor": float}),
        FRAME.convert_dtypes(),
        FRAME.to_dict("list"),
        FRAME.to_dict("records"),
        FRAME.to_numpy().tolist(),
        FRAME.to_numpy(),
    ],
    ids=["frame", "order", "extra", "text", "types", "nullable", "dict", "records", "lists", "objects"],
)
def test_rows_may_come_in_any_form(rows: Any) -> None:
    x, valid = TABLE.encode(rows)
    assert x.tolist() == ENCODED
    assert valid.all()


@pytest.mark.parametrize(
    "change",
    [
        {"height": None},
        {"height": np.nan},
        {"height": np.inf},
        {"height": "tall"},
        {"height": pd.Timestamp("2024-01-01")},
        {"height": [1.5]},
        {"colour": None},
        {"colour": "green"},
        {"colour": 1.5},
        {"floor": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_row_that_cannot_be_judged_is_not_valid(change: dict[str, Any], alone: bool) -> None:
    good = {"height": 1.5, "colour": "red", "floor": 2}
    rows = pd.DataFrame([good | change] if alone else [good | change, good])
    x, valid = TABLE.encode(rows)
    assert valid.tolist() == [False, True][: len(rows)]
    assert x.tolist() == [[0] * 5, ENCODED[0]][: len(rows)]


def test_a_missing_key_is_a_missing_value() -> None:
    assert TABLE.encode([{"height": 1, "colour": "red"}, {"height": 1, "colour": "red", "floor": 1}])[1].tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (FRAME.drop(columns="colour"), "column 'colour' is missing; the model needs height, colour, floor"),
        ({"height": [1], "floor": [2]}, "^column 'colour' is missing; the model needs height, colour, floor"),
        (pd.concat([FRAME, FRAME[["floor"]]], axis=1), "column 'floor' appears twice"),
        ([[1, 2]], r"rows have shape \(1, 2\); expected \(rows, 3\): height, colour, floor"),
        (None, r"rows have shape \(\)"),
        ({"height": 1, "colour": "red", "floor": 2}, "expected a list of values per column"),
        ({"height": [1, 2], "colour": ["red"], "floor": [2]}, "same length"),
    ],
)
def test_rows_that_fit_nowhere_are_refused(rows: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        TABLE.encode(rows)


def test_a_table_comes_back_from_its_numbers() -> None:
    pd.testing.assert_frame_equal(TABLE.decode(np.array(ENCODED)), FRAME.astype({"floor": str}), check_dtype=False)


def test_a_category_is_the_value_with_the_largest_number() -> None:
    assert TABLE.decode(np.array([[0.0, 0.6, 0.5, -1, -2]])).to_dict("records") == [
        {"height": 0.0, "colour": "blue", "floor": "1"}
    ]


def test_a_missing_row_comes_back_as_missing() -> None:
    assert TABLE.decode(np.full((1, 5), np.nan)).isna().all(axis=None)


def test_numbers_are_named_by_their_column_and_value() -> None:
    assert TABLE.features == ["height", "colour=blue", "colour=red", "floor=1", "floor=2"]
    assert TABLE.shape == (5,)


@pytest.mark.parametrize("schema", [TABLE, GREY, COLOUR, SERIES], ids=["table", "grey", "colour", "series"])
def test_a_schema_survives_json(schema: Schema) -> None:
    assert schema_from_config(schema.config()) == schema


@pytest.mark.parametrize("schema", [GREY, COLOUR, SERIES], ids=["grey", "colour", "series"])
def test_arrays_come_back_as_they_were(schema: ArraySchema) -> None:
    rows = np.random.default_rng(0).normal(size=(4, *schema.raw_shape))
    x, valid = schema.encode(rows)
    assert x.shape == (4, *schema.shape)
    assert valid.all()
    np.testing.assert_array_equal(schema.decode(x), rows)


@pytest.mark.parametrize(("schema", "shape"), [(GREY, (1, 2, 3)), (COLOUR, (4, 2, 3)), (SERIES, (3, 2))])
def test_images_are_channels_first_in_the_net(schema: ArraySchema, shape: tuple[int, ...]) -> None:
    assert schema.shape == shape


@pytest.mark.parametrize(
    "rows",
    [
        PIXELS,
        PIXELS.tolist(),
        PIXELS.astype(str),
        PIXELS.reshape(2, 6),
        pd.DataFrame(PIXELS.reshape(2, 6)),
        list(PIXELS),
        [encode_png(pixels) for pixels in PIXELS],
        np.array([b64encode(encode_png(pixels)).decode() for pixels in PIXELS], object),
    ],
)
def test_images_may_come_in_any_form(rows: Any) -> None:
    np.testing.assert_array_equal(GREY.encode(rows)[0][:, 0], PIXELS)


def test_encoding_leaves_the_rows_alone() -> None:
    for schema in (GREY, COLOUR, SERIES):
        rows = np.full((2, *schema.raw_shape), np.nan)
        schema.encode(rows)
        assert np.isnan(rows).all()


@pytest.mark.parametrize("bad", [None, np.nan, -np.inf, "red", 10**400])
def test_an_array_with_a_gap_is_not_valid(bad: Any) -> None:
    rows = PIXELS.astype(object)
    rows[0, 1, 2] = bad
    x, valid = GREY.encode(rows)
    assert valid.tolist() == [False, True]
    assert not x[0].any()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (np.zeros((2, 3, 2)), r"rows have shape \(2, 3, 2\); expected \(rows, 2, 3\)"),
        (np.zeros(6), r"rows have shape \(6,\)"),
        (5, r"rows have shape \(\)"),
        (None, "expected numbers"),
        ([[1, 2], [3]], "rows have different shapes"),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(rows: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        GREY.encode(rows)


@pytest.mark.parametrize("schema", [TABLE, GREY, COLOUR, SERIES], ids=["table", "grey", "colour", "series"])
def test_no_rows_are_no_rows(schema: Schema) -> None:
    for rows in (FRAME.head(0) if schema is TABLE else np.zeros((0, *schema.raw_shape)), []):
        x, valid = schema.encode(rows)
        assert (x.shape, valid.shape) == ((0, *schema.shape), (0,))


@pytest.mark.parametrize("together", [dict, "fields"])
def test_a_schema_takes_its_own_of_several_arrays(together):
    x, photo = np.arange(6.0).reshape(2, 3), np.ones((2, 4, 4))
    rows = {"x": x, "photo": photo, "age": np.array([1, 2])}
    if together == "fields":
        rows = np.array(
            list(zip(x, photo, [1, 2], strict=True)), [("x", float, 3), ("photo", float, (4, 4)), ("age", int)]
        )
    np.testing.assert_array_equal(ArraySchema("array", (3,)).encode(rows)[0], x)
    np.testing.assert_array_equal(ArraySchema("image", (4, 4), "photo").encode(rows)[0], photo[:, None])
    np.testing.assert_array_equal(TableSchema((Column("age", "number"),)).encode(rows)[0], [[1], [2]])
    with pytest.raises(InputError, match="array 'sketch' is missing; there: x, photo, age"):
        ArraySchema("image", (4, 4), "sketch").encode(rows)


def test_the_name_of_an_array_survives_as_json():
    for schema in (ArraySchema("image", (4, 4), "photo"), ArraySchema("array", (3,))):
        assert schema_from_config(schema.config()) == schema


def test_categories_lie_where_their_zeros_and_ones_do():
    columns = (Column("a", "number"), Column("b", "category", ("x", "y", "z")), Column("c", "category", ("u", "v")))
    assert TableSchema(columns).categories == ((1, 4), (4, 6))
    assert ArraySchema("array", (3,)).categories == ArraySchema("array", (3,)).embedded == ()
