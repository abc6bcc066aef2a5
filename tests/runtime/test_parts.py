from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime import parts as cutting
from hourglass.runtime.graphs import BLOCK
from hourglass.runtime.parts import parts


@given(count=st.integers(1, 5000), first_row=st.integers(0, 1000), numbers=st.integers(1, 10**7), table=st.booleans())
def test_parts_are_all_rows_and_begin_where_blocks_do(count, first_row, numbers, table):
    rows = np.arange(count)
    found = list(parts(pd.DataFrame({"x": rows}) if table else rows, numbers, first_row))
    values = [part["x"].to_numpy() if table else part for part, _ in found]
    np.testing.assert_array_equal(np.concatenate(values), rows)
    assert [first for _, first in found] == [first_row + part[0] for part in values]
    assert all(first % BLOCK == 0 for _, first in found[1:])
    most = max(2**22 if table else 2**20, 8 * numbers * BLOCK)
    assert all(8 * numbers * len(part) <= most for part in values)


@pytest.mark.parametrize(
    "rows", [np.zeros((0, 3)), pd.DataFrame({"x": []}), [[1, 2]], {"x": [1]}, np.array(1)], ids=str
)
def test_what_has_no_rows_or_is_no_array_is_one_part(rows):
    ((part, first),) = parts(rows, 3, 7)
    assert part is rows
    assert first == 7


@pytest.mark.parametrize("first_row", [0, 100])
def test_scores_are_the_same_bytes_in_small_parts_and_in_one(
    table_autoencoder: Any, tumours: Any, first_row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, frame = table_autoencoder.model, tumours.rows.copy()
    frame.loc[[3, 300], "mean area"] = np.nan
    whole = model.score(frame, first_row=first_row)
    monkeypatch.setattr(cutting, "_BYTES_OF_TABLE", 1)
    assert len(list(parts(frame, 30, first_row))) >= 3
    pd.testing.assert_frame_equal(model.score(frame, first_row=first_row), whole, check_exact=True)
