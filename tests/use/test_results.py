"""Results are written as what they are."""

from pathlib import Path

import numpy as np
import pandas as pd

from hourglass.use.results import Result


def test_missing_integers_beside_codes_are_numbers_in_an_array_file(tmp_path: Path) -> None:
    beside = pd.DataFrame({"account": pd.array([7, None], "Int64"), "name": ["a", "b"]})
    Result(beside, {"z": np.zeros((2, 3))}, np.zeros(2, bool), np.dtype(np.uint8)).write(tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["account"], [7, np.nan])
        assert found["name"].tolist() == ["a", "b"]
