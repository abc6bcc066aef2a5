"""Values of every type become numbers and come back; what is missing is told, or filled with a sign of it."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data.scaling import Spread, table_normaliser
from hourglass.runtime.errors import InputError
from hourglass.runtime.table import Coding, Column, Impute, TableSchema


def encoded(column: Column, values: object) -> tuple[np.ndarray, list[bool]]:
    x, valid = TableSchema((column,)).encode(pd.DataFrame({column.name: values}))
    return x, valid.tolist()


@pytest.mark.parametrize(
    "values",
    [
        [True, False, None],
        ["true", "FALSE", "maybe"],
        [1, 0, 2],
        ["1", "0", ""],
        pd.array([True, False, None], "boolean"),
    ],
)
def test_booleans_are_0_and_1_however_they_are_written(values: object) -> None:
    x, valid = encoded(Column("b", "boolean"), values)
    assert x[:2].ravel().tolist() == [1, 0]
    assert valid == [True, True, False]


def test_booleans_come_back_as_booleans() -> None:
    assert Column("b", "boolean").decode(np.array([[0.9], [-0.2], [np.nan]])).tolist() == [True, False, pd.NA]


def test_times_are_seconds_since_1970_in_utc() -> None:
    texts = ["1970-01-02", "2024-01-31T13:00:00.25+01:00", "soon", None]
    x, valid = encoded(Column("t", "time"), texts)
    assert x[:2].ravel().tolist() == [86_400, pd.Timestamp("2024-01-31 12:00:00.25").timestamp()]
    assert valid == [True, True, False, False]
    times = pd.to_datetime(pd.Series(texts[:2]), format="ISO8601", utc=True)
    np.testing.assert_array_equal(encoded(Column("t", "time"), times)[0], x[:2])


def test_a_number_is_no_time() -> None:
    assert encoded(Column("t", "time"), [5])[1] == [False]


@given(st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")))
def test_times_come_back_to_the_microsecond(time: pd.Timestamp) -> None:
    column = Column("t", "time")
    assert abs(column.decode(encoded(column, [time])[0])[0] - np.datetime64(time)) <= np.timedelta64(1, "us")


@pytest.mark.parametrize("seconds", [np.nan, np.inf, 1e300, -1e12])
def test_what_is_no_time_comes_back_as_missing(seconds: float) -> None:
    assert np.isnat(Column("t", "time").decode(np.array([[seconds]]))[0])


def test_cycles_turn_once_a_day_and_once_a_week() -> None:
    column = Column("t", "time", cycles=True)
    x, _ = encoded(column, ["2024-01-01 00:00", "2024-01-01 06:00", "2024-01-08 00:00", "2024-01-04 12:00"])
    np.testing.assert_allclose(x[0, 1:], [0, 1, 0, 1], atol=1e-6)  # a Monday at midnight
    np.testing.assert_allclose(x[1, 1:3], [1, 0], atol=1e-6)
    np.testing.assert_allclose(x[2, 1:], x[0, 1:], atol=1e-6)
    np.testing.assert_allclose(x[3, 3:], [0, -1], atol=1e-6)  # half a week later
    assert column.features[1:] == ["t (sine of day)", "t (cosine of day)", "t (sine of week)", "t (cosine of week)"]
    assert column.decode(x)[1] == np.datetime64("2024-01-01T06:00")


def test_a_row_without_a_value_is_judged_where_the_value_is_imputed() -> None:
    schema = TableSchema((Column("a", "number", impute="mean"), Column("b", "number")))
    x, valid = schema.encode(pd.DataFrame({"a": [1.0, None, np.inf], "b": [5.0, 6.0, 7.0]}))
    np.testing.assert_array_equal(x, [[1, 0, 5], [np.nan, 1, 6], [0, 0, 0]])
    assert valid.tolist() == [True, True, False]
    assert schema.features == ["a", "a is missing", "b"]


def test_text_for_a_number_is_not_missing_but_wrong() -> None:
    assert encoded(Column("a", "number", impute="mean"), ["1", "x", None])[1] == [True, False, True]


@given(st.lists(st.tuples(*[st.sampled_from([0.0, -1.5, math.nan, math.inf])] * 2), min_size=1))
def test_a_table_of_numbers_alone_becomes_what_its_columns_become(rows: list[Any]) -> None:
    schema = TableSchema((Column("b", "number"), Column("a", "number")))
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float)
    before = frame.copy()
    for together, single in zip(schema.encode(frame), schema.encode(frame.astype(object)), strict=True):
        np.testing.assert_array_equal(together, single)
    pd.testing.assert_frame_equal(frame, before)


def test_a_missing_category_is_a_value_of_its_own() -> None:
    column = Column("c", "category", ("u", "v"), impute="indicator")
    x, valid = encoded(column, ["u", None, "w"])
    np.testing.assert_array_equal(x, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert valid == [True, True, False]
    assert column.decode(x[:2]).tolist() == ["u", None]
    assert TableSchema((column,)).categories == ((0, 3),)


def test_categories_are_embedded_beyond_sixteen_values_or_as_they_are_set() -> None:
    def category(values: int, coding: Coding = "auto", impute: Impute = "none") -> Column:
        return Column("c", "category", tuple(map(str, range(values))), impute=impute, coding=coding)

    assert not category(16).embedded
    assert category(17).embedded
    assert category(16, impute="indicator").embedded
    assert category(3, "embedding").embedded
    assert not category(40, "onehot").embedded
    assert not Column("n", "number").embedded
    schema = TableSchema((category(3), Column("n", "number"), category(3, "embedding"), category(40)))
    assert schema.embedded == ((4, 7), (7, 47))
    assert TableSchema.from_config(schema.config()) == schema


def test_the_gap_is_filled_with_the_mean_or_the_median_of_what_is_there() -> None:
    schema = TableSchema(
        (
            Column("a", "number", impute="mean", scale="none"),
            Column("b", "number", impute="median", scale="none"),
            Column("c", "boolean", impute="mean"),
        )
    )
    frame = pd.DataFrame({"a": [0.0, 9.0, None], "b": [1.0, 100.0, None], "c": [True, None, None]})
    x, _ = schema.encode(frame)
    normaliser = table_normaliser(schema, {place: Spread.of(x[:, place]) for place in schema.measured})
    np.testing.assert_allclose(normaliser(x)[2], [4.5, 1, 50.5, 1, 1, 1])
    rows = schema.decode(normaliser.inverse(normaliser(x)))
    assert rows.loc[2].tolist() == [4.5, 50.5, True]


def test_every_column_has_the_scale_that_it_says() -> None:
    schema = TableSchema(
        (
            Column("flag", "boolean"),
            Column("a", "number", scale="minmax"),
            Column("k", "category", ("u", "v")),
            Column("b", "number", scale="log"),
            Column("t", "time", cycles=True),
        )
    )
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "flag": draw.integers(0, 2, 500).astype(bool),
            "a": draw.normal(1e9, 3, 500),
            "k": draw.choice(["u", "v"], 500),
            "b": -draw.lognormal(5, 2, 500),
            "t": pd.to_datetime("2024-01-01") + pd.to_timedelta(draw.integers(0, 10**6, 500), "s"),
        }
    )
    x, valid = schema.encode(frame)
    assert valid.all()
    normaliser = table_normaliser(schema, {place: Spread.of(x[:, place]) for place in schema.measured})
    units = normaliser(x)
    np.testing.assert_array_equal(units[:, [0, 2, 3, *range(6, 10)]], x[:, [0, 2, 3, *range(6, 10)]].astype(np.float32))
    assert (units[:, 1].min(), units[:, 1].max()) == (0, 1)
    assert abs(units[:, 4].std() - 1) < 0.1
    assert abs(units[:, 5].std() - 1) < 1e-3
    back = schema.decode(normaliser.inverse(units))
    np.testing.assert_allclose(back["a"], frame["a"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(back["b"], frame["b"], rtol=1e-5)
    assert (back["flag"].astype(bool) == frame["flag"]).all()
    assert (back["k"] == frame["k"]).all()
    assert (back["t"] - frame["t"]).abs().max() < pd.Timedelta(1, "s")


def test_json_keeps_columns_and_says_no_more_than_it_must() -> None:
    columns = (
        Column("a", "number"),
        Column("b", "number", scale="log", impute="median"),
        Column("c", "category", ("u",), impute="indicator"),
        Column("t", "time", cycles=True),
    )
    config = json.loads(json.dumps(TableSchema(columns).config()))
    assert TableSchema.from_config(config).columns == columns
    assert config["columns"][0] == {"name": "a", "type": "number"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "Int64", "Float32", "bool", "object"])
def test_numbers_of_any_type_are_encoded_alike(dtype: str) -> None:
    schema = TableSchema((Column("a", "number"), Column("b", "number")))
    frame = pd.DataFrame({"b": [1, 0, 1], "a": [0, 1, 1]})
    x, valid = schema.encode(frame.astype(dtype))
    assert x.dtype == np.float64
    assert x.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert valid.all()
    bare = schema.bare(frame.astype(dtype))
    assert bare is None or bare.tolist() == x.tolist()
    assert (bare is None) == (dtype in {"Int64", "Float32", "bool", "object"})


def test_missing_integers_cannot_be_judged() -> None:
    schema = TableSchema((Column("a", "number"), Column("b", "number")))
    frame = pd.DataFrame({"a": pd.array([1, None, 3], "Int64"), "b": pd.array([1, 2, 3], "Int64")})
    assert schema.encode(frame)[1].tolist() == [True, False, True]


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(3, 2), np.arange(6).reshape(3, 2), [[0, 1], [2, 3]]], ids=str)
def test_an_array_has_the_columns_in_order(array: Any) -> None:
    schema = TableSchema((Column("a", "number"), Column("b", "number")))
    np.testing.assert_array_equal(schema.encode(array)[0], schema.encode(pd.DataFrame(array, columns=["a", "b"]))[0])


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [3.0]], [[1.0, [2.0]], [3.0, 4.0]]])
def test_rows_of_different_lengths_are_refused_in_a_sentence(rows: Any) -> None:
    schema = TableSchema((Column("a", "number"), Column("b", "number")))
    with pytest.raises(InputError, match=r"^rows have different shapes.*expected one shape for all\.$"):
        schema.encode(rows)
