"""The normaliser fits the training rows in closed form."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from hourglass.data import statistics
from hourglass.data.statistics import summarise
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import Column, TableSchema

NUMBERS = TableSchema((Column("a", "number"), Column("b", "number"), Column("c", "number")))


def fit_normaliser(x: np.ndarray, schema: Schema, how: str) -> Normaliser:
    return statistics.fit_normaliser(summarise(x, schema), schema, how)


def describe(x: np.ndarray, schema: Schema) -> list[dict]:
    return statistics.describe(summarise(x, schema), schema)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal([0, 5, -1e3], [1, 0.1, 1e4], (200, 3))


@pytest.mark.parametrize(("how", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_columns_are_scaled_as_scikit_learn_does(x: np.ndarray, how: str, scaler: StandardScaler) -> None:
    expected = scaler.fit_transform(x)
    np.testing.assert_allclose(fit_normaliser(x, NUMBERS, how)(x), expected, rtol=1e-6, atol=1e-6)


def test_auto_standardises_tables(x: np.ndarray) -> None:
    assert fit_normaliser(x, NUMBERS, "auto").config() == fit_normaliser(x, NUMBERS, "standard").config()


def test_none_leaves_rows_as_they_are(x: np.ndarray) -> None:
    np.testing.assert_array_equal(fit_normaliser(x, NUMBERS, "none")(x), x.astype(np.float32))


def test_images_share_one_offset_and_scale() -> None:
    pixels = np.array([[[[2, 4], [6, 12]]]], np.uint8)
    normaliser = fit_normaliser(pixels, ArraySchema("image", (2, 2)), "auto")
    assert normaliser.config() == {"offset": 2.0, "scale": 10.0}


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1])
def test_a_constant_column_becomes_zero(value: float) -> None:
    x = np.column_stack([np.full(77, value), np.arange(77.0)])
    normaliser = fit_normaliser(x, TableSchema((Column("a", "number"), Column("b", "number"))), "standard")
    assert normaliser.scale[0] == 1
    np.testing.assert_allclose(normaliser(x)[:, 0], 0, atol=1e-6)


@pytest.mark.parametrize("how", ["standard", "minmax"])
def test_the_zeros_and_ones_of_a_category_stay(how: str) -> None:
    x = np.array([[5.0, 1, 0], [7, 0, 1], [9, 0, 1]])
    schema = TableSchema((Column("a", "number"), Column("c", "category", ("u", "v"))))
    np.testing.assert_array_equal(fit_normaliser(x, schema, how)(x)[:, 1:], x[:, 1:])


def test_a_column_far_from_zero_keeps_its_digits() -> None:
    """In float32 times around 1.7e9 would all be the same within two minutes."""
    seconds = 1.7e9 + np.arange(100.0)[:, None]
    normaliser = fit_normaliser(seconds, TableSchema((Column("when", "number"),)), "standard")
    np.testing.assert_allclose(normaliser.inverse(normaliser(seconds)), seconds, rtol=0, atol=1e-4)


def test_columns_are_described_in_their_own_units(x: np.ndarray) -> None:
    described = {entry["name"]: entry for entry in describe(x, NUMBERS)}
    assert list(described) == ["a", "b", "c"]
    for place, entry in enumerate(described.values()):
        column = x[:, place]
        assert [entry[name] for name in ("mean", "std", "min", "max")] == pytest.approx(
            [column.mean(), column.std(), column.min(), column.max()]
        )
        assert entry["quantiles"][10] == pytest.approx(np.median(column))


def test_images_are_described_by_their_pixels() -> None:
    (entry,) = describe(np.array([[[[0, 255]]]], np.uint8), ArraySchema("image", (1, 2)))
    assert (entry["name"], entry["mean"], entry["max"]) == ("pixels", 127.5, 255)


def test_missing_numbers_are_left_out_of_their_column_alone() -> None:
    schema = TableSchema((Column("a", "number", impute="median"), Column("b", "number")))
    draw = np.random.default_rng(0)
    x = np.column_stack([draw.gamma(2, size=999), np.zeros(999), draw.normal(size=999)])
    x[::3, 0], x[::3, 1] = np.nan, 1
    parts = summarise(x[:500], schema)
    parts.merge(summarise(x[500:], schema))
    there = x[~np.isnan(x[:, 0]), 0]
    for summary in (parts, statistics.Summary.from_arrays(schema, parts.arrays())):
        described = statistics.describe(summary, schema)
        assert [described[0][name] for name in ("mean", "std", "min")] == pytest.approx(
            [there.mean(), there.std(), there.min()]
        )
        assert described[1]["mean"] == pytest.approx(1 / 3)
        assert described[2]["std"] == pytest.approx(x[:, 2].std())
        normaliser = statistics.fit_normaliser(summary, schema, "auto")
        assert normaliser.fill == {0: pytest.approx(np.median(there))}
        units = normaliser(x)
        assert np.isfinite(units).all()
        np.testing.assert_allclose(units[1::3, 0], (x[1::3, 0] - there.mean()) / there.std(), rtol=1e-5, atol=1e-6)


def test_a_number_that_is_always_missing_is_filled_with_zero() -> None:
    schema = TableSchema((Column("a", "number", impute="mean"), Column("b", "number")))
    x = np.array([[np.nan, 1, 1.0], [np.nan, 1, 2.0]])
    np.testing.assert_allclose(statistics.fit_normaliser(summarise(x, schema), schema, "auto")(x)[:, 0], 0)


def test_columns_are_scaled_as_they_say() -> None:
    schema = TableSchema(tuple(Column(how, "number", scale=how) for how in ("robust", "log", "quantile", "none")))
    x = np.random.default_rng(0).lognormal(2, 1, (4000, 1)).repeat(4, axis=1)
    units = statistics.fit_normaliser(summarise(x, schema), schema, "standard")(x)
    assert np.median(units[:, 0]) == pytest.approx(0, abs=1e-6)
    assert units[:, 1:3].std(axis=0) == pytest.approx([1, 1], abs=0.05)
    np.testing.assert_array_equal(units[:, 3], x[:, 3].astype(np.float32))


def test_the_ends_of_a_column_are_exact_however_many_rows_there_are() -> None:
    schema = TableSchema((Column("a", "number", scale="quantile"),))
    x = np.zeros((70_000, 1))
    x[[5, 66_000], 0] = -3, 7
    assert summarise(x, schema).quantiles(np.array([0, 0.5, 1])).ravel().tolist() == [-3, 0, 7]
    normaliser = fit_normaliser(x, schema, "auto")
    few = np.array([[-3.0], [0], [7]])
    assert np.isfinite(normaliser(few)).all()
    np.testing.assert_allclose(normaliser.inverse(normaliser(few)), few, atol=1e-5)
