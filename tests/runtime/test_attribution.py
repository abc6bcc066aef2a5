"""A score is told apart into parts that sum to it, and the largest are named."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hourglass.runtime import InputError
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.attribution import heat, laid_out, reasons
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.table import Column, TableSchema

PAYMENTS = TableSchema(
    (Column("amount", "number"), Column("land", "category", ("AT", "DE", "FR")), Column("age", "number"))
)
PARTS = np.array([[1.0, 0.5, 0.0, 1.5, 0.0], [0.0, 0.0, 0.0, 0.0, 4.0]])


def test_the_numbers_of_a_category_are_summed() -> None:
    found = laid_out(PARTS, PAYMENTS)
    pd.testing.assert_frame_equal(found, pd.DataFrame({"amount": [1.0, 0], "land": [2.0, 0], "age": [0.0, 4]}))


def test_the_largest_parts_come_first_with_their_share() -> None:
    found = reasons(laid_out(PARTS, PAYMENTS), PAYMENTS, 2)
    assert found["reason_1"].to_list() == ["land", "age"]
    assert found["share_1"].to_list() == [2 / 3, 1]
    assert found["reason_2"][0] == "amount"
    assert found["share_2"].to_list() == [1 / 3, 0]


def test_a_row_that_cannot_be_judged_has_no_reason() -> None:
    parts = pd.DataFrame({"amount": [np.nan, 0.0], "age": [np.nan, 0.0]}, index=[7, 8])
    found = reasons(parts, PAYMENTS, 1)
    assert found.index.to_list() == [7, 8]
    assert found["reason_1"].isna().all()
    assert found["share_1"].isna().all()


def test_more_reasons_than_columns_are_all_columns() -> None:
    assert list(reasons(laid_out(PARTS, PAYMENTS), PAYMENTS, 9)) == [
        f"{what}_{place}" for place in (1, 2, 3) for what in ("reason", "share")
    ]


def test_no_rows_have_no_reasons() -> None:
    found = reasons(np.zeros((0, 4, 5, 3)), ArraySchema("image", (4, 5, 3)), 2)
    assert list(found) == ["reason_1", "share_1", "reason_2", "share_2"]
    assert len(found) == 0


def test_no_reason_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1"):
        reasons(laid_out(PARTS, PAYMENTS), PAYMENTS, 0)


def test_a_pixel_is_named_by_its_place_and_its_channels_are_one() -> None:
    parts = np.zeros((1, 4, 5, 3))
    parts[0, 2, 3] = [1, 1, 1]
    parts[0, 0, 0, 0] = 2
    found = reasons(parts, ArraySchema("image", (4, 5, 3)), 2)
    assert found.loc[0, ["reason_1", "reason_2"]].to_list() == ["y 2, x 3", "y 0, x 0"]
    assert found.loc[0, "share_1"] == 0.6


def test_a_reading_of_a_window_is_named_by_its_channel_and_place() -> None:
    parts = np.zeros((1, 4, 2))
    parts[0, 3, 1] = 1
    windows = SignalSchema("when", ("heat", "load"), window=4, stride=1, period=1)
    assert reasons(parts, windows, 1).loc[0, "reason_1"] == "load at point 3"


@given(arrays(np.float64, (3, 6), elements=st.floats(0, 1e6)), st.integers(1, 6))
def test_shares_fall_and_sum_to_one(parts: Any, most: int) -> None:
    found = reasons(parts, ArraySchema("array", (6,)), most)
    shares = found[[f"share_{place}" for place in range(1, most + 1)]].to_numpy()
    for row, part in zip(shares, parts, strict=True):
        if part.sum() > 0:
            np.testing.assert_allclose(row, np.sort(part)[::-1][:most] / part.sum(), rtol=1e-9)
        else:
            assert np.isnan(row).all()


def test_maps_have_one_scale_for_all_images() -> None:
    parts = np.zeros((2, 2, 2))
    parts[0, 0, 0], parts[0, 1, 1], parts[1, 0, 1] = 0.25, 4.0, 100.0
    expected = [[[round(255 / 4), 0], [0, 255]], [[0, 255], [0, 0]]]
    np.testing.assert_array_equal(heat(parts, threshold=1.0), expected)


def test_the_channels_of_a_map_are_summed() -> None:
    np.testing.assert_array_equal(
        heat(np.full((1, 1, 1, 4), 0.25), threshold=1.0), heat(np.ones((1, 1, 1)), threshold=1.0)
    )
