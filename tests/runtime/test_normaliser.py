"""One map and its inverse, the same for numpy and torch."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime.normaliser import GridCurve, LogCurve, Normaliser, denormalise, normalise

OFFSETS = st.floats(-1e9, 1e9)
SCALES = st.floats(1e-3, 1e6)


@given(OFFSETS, SCALES, st.lists(st.floats(-10, 10), min_size=1))
def test_the_inverse_undoes_the_map(offset: float, scale: float, units: list[float]) -> None:
    normaliser = Normaliser(np.array([offset]), np.array([scale]))
    x = offset + scale * np.array(units)[:, None]
    rounding = 1e-6 * scale + np.spacing(abs(offset)) * 4
    np.testing.assert_allclose(normaliser.inverse(normaliser(x)), x, rtol=0, atol=10 * rounding)


@given(OFFSETS, SCALES, st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_numpy_and_torch_agree_to_the_last_bit(offset: float, scale: float, values: list[float]) -> None:
    x = np.array(values)
    for way in (normalise, denormalise):
        by_torch = way(torch.tensor(x), torch.tensor(offset, dtype=torch.float64), scale)
        np.testing.assert_array_equal(by_torch.numpy(), way(x, offset, scale))


@given(OFFSETS, SCALES)
def test_json_keeps_every_bit(offset: float, scale: float) -> None:
    normaliser = Normaliser(np.array([offset]), np.array([scale]))
    again = Normaliser.from_config(json.loads(json.dumps(normaliser.config())))
    np.testing.assert_array_equal([again.offset, again.scale], [normaliser.offset, normaliser.scale])


@pytest.mark.parametrize("rows", [0, 1, 64, 100, 4096])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
@pytest.mark.parametrize("order", ["C", "F"])
def test_many_rows_are_mapped_as_each_is_alone(rows: int, dtype: type, order: str) -> None:
    draw = np.random.default_rng(0)
    normaliser = Normaliser(draw.normal(size=5), draw.uniform(0.1, 9, 5))
    x = np.asarray(draw.uniform(0, 200, (rows, 5)), dtype, order=order)
    alone = [((row.astype(np.float64) - normaliser.offset) / normaliser.scale).astype(np.float32) for row in x]
    found = normaliser(x)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.array(alone, np.float32).reshape(rows, 5))


def test_a_row_of_as_many_numbers_as_rows_are_taken_for_one_is_no_such_rows() -> None:
    normaliser = Normaliser(np.arange(128.0), np.ones(128))
    x = np.arange(256.0).reshape(2, 128)
    np.testing.assert_array_equal(normaliser(x[1]), normaliser(x)[1])


def test_the_map_gives_float32_and_leaves_its_input() -> None:
    x = np.array([[1, 3]], np.uint8)
    assert Normaliser(np.array(1.0), np.array(2.0))(x).dtype == np.float32
    assert x.tolist() == [[1, 3]]


@pytest.mark.filterwarnings("error")
def test_what_float32_cannot_hold_becomes_infinite() -> None:
    assert np.isinf(Normaliser(np.array(0.0), np.array(1.0))(np.array([1e300]))).all()


#: Of columns that a table may well have: offsets of 1e9, heavy tails of either sign, tiny numbers.
VALUES = st.one_of(st.floats(-1e12, 1e12), st.floats(999_999_990, 1_000_000_010), st.floats(-1e-3, 1e-3))


@given(st.lists(VALUES, min_size=1))
def test_the_logarithm_is_undone_and_keeps_order_and_sign(values: list[float]) -> None:
    x = np.sort(np.array(values))
    bent = LogCurve()(x)
    np.testing.assert_allclose(LogCurve().inverse(bent), x, rtol=1e-13, atol=1e-15)
    assert (np.diff(bent) >= 0).all()
    assert (np.signbit(bent) == np.signbit(x)).all()


@given(st.lists(VALUES, min_size=1))
def test_numbers_come_back_through_a_logarithm_as_exactly_as_float32_holds_it(values: list[float]) -> None:
    x = np.array(values)[:, None]
    normaliser = Normaliser(np.array([10.0]), np.array([5.0]), {0: LogCurve()})
    # half a unit in the last place of a float32 near 8, in units of 5, is what the logarithm may be off
    np.testing.assert_allclose(normaliser.inverse(normaliser(x)), x, rtol=5e-6, atol=5e-6)


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20, unique_by=lambda value: round(value, 3)),
    st.lists(st.floats(0, 1), min_size=1),
    st.floats(0.1, 10),
)
def test_straight_lines_between_knots_are_undone_within_them_and_beyond(
    knots: list[float], places: list[float], beyond: float
) -> None:
    curve = GridCurve(np.sort(knots), np.linspace(-2, 2, len(knots)))
    low, high = min(knots), max(knots)
    x = np.append(low + np.array(places) * (high - low), [low - beyond, high + beyond])
    np.testing.assert_allclose(curve.inverse(curve(x)), x, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(curve(curve.knots), curve.heights, atol=1e-12)
    assert (np.diff(curve(np.sort(x))) >= 0).all()


def test_beyond_the_knots_the_outer_lines_go_on() -> None:
    curve = GridCurve(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 3.0]))
    assert curve(np.array([-1.0, 0.5, 2.0, 5.0])).tolist() == [-2.0, 1.0, 2.5, 4.0]


def test_what_is_missing_is_filled_before_it_is_bent_and_moved() -> None:
    normaliser = Normaliser(np.array([0.0, 1.0]), np.array([1.0, 2.0]), {0: LogCurve()}, {0: np.e - 1})
    x = np.array([[np.nan, 3.0], [0.0, np.nan]])
    np.testing.assert_allclose(normaliser(x), [[1.0, 1.0], [0.0, np.nan]], rtol=1e-6)
    assert np.isnan(x[0, 0])
    np.testing.assert_allclose(normaliser.inverse(normaliser(x))[0], [np.e - 1, 3], rtol=1e-6)


def test_json_keeps_curves_and_fillings() -> None:
    curves = {0: LogCurve(), 2: GridCurve(np.array([0.1, 0.2]), np.array([-1.0, 1.0]))}
    normaliser = Normaliser(np.zeros(3), np.ones(3), curves, {1: 0.1})
    again = Normaliser.from_config(json.loads(json.dumps(normaliser.config())))
    x = np.array([[5.0, np.nan, 0.15], [-7.0, 1.0, 9.0]])
    np.testing.assert_array_equal(again(x), normaliser(x))
    np.testing.assert_array_equal(again.inverse(again(x)), normaliser.inverse(normaliser(x)))


def test_an_affine_map_is_written_as_two_numbers_a_feature() -> None:
    normaliser = Normaliser(np.zeros(1), np.ones(1))
    assert normaliser.config() == {"offset": [0.0], "scale": [1.0]}
    assert normaliser.is_affine
