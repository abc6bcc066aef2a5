"""A table with what commands find in one: text that looks like numbers, and rows that can't be judged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data.sources import Raw


@pytest.fixture(scope="module")
def patients(tumours: Raw) -> pd.DataFrame:
    frame = tumours.rows.assign(patient=[f"{row:05d}" for row in range(len(tumours.rows))])
    frame.loc[[2, 400], "mean area"] = np.nan
    return frame


@pytest.fixture
def csv(patients: pd.DataFrame, tmp_path: Path) -> str:
    patients.to_csv(tmp_path / "given.csv", index=False)
    return str(tmp_path / "given.csv")
