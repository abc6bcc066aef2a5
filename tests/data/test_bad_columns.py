"""From a file to the data set: a column that can't be used is named with what to do, and one sentence mends it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.params import DataParams, SplitParams
from hourglass.errors import HourglassError

ROWS = 300
DRAW = np.random.default_rng(0)


def ingested(column: object, folder: Path, **data: object) -> Dataset:
    """Ingest a CSV of a good column and another, through a snapshot."""
    frame = pd.DataFrame({"good": DRAW.normal(size=ROWS), "other": column})
    frame.to_csv(folder / "table.csv", index=False)
    params = DataParams(**data)
    making.build(str(folder / "table.csv"), folder / "data", params)
    (folder / "out").mkdir()
    ingest(snapshot.opened(folder / "data", params), folder / "out", params, SplitParams())
    return Dataset(folder / "out")


BAD = {
    "units": ([f"{number} kg" for number in range(ROWS)], "row 0: '0 kg' is a number with a unit or separators"),
    "thousands": (
        [f"{number:,}.50" for number in range(1000, 1000 + ROWS)],
        "row 0: '1,000.50' is a number with a unit",
    ),
    "dates in three ways": (
        ["2024-01-31", "31/01/2024", "Jan 31, 2024"] * 100,
        "writes dates in 3 ways (row 0: '2024-01-31', row 1: '31/01/2024', row 2: 'Jan 31, 2024')",
    ),
    "mixed": (
        [number if number % 2 else f"x{number}y" for number in range(ROWS)],
        "holds numbers (50 %) and texts (row 0",
    ),
    "a mistake": ([*range(ROWS - 1), "n.a."], f"row {ROWS - 1}: 'n.a.' is no number, but the column holds numbers"),
    "all missing": ([None] * ROWS, "is empty; fill it or set data.columns: {other: ignore}."),
    "identifiers": ([f"id-{number}" for number in range(ROWS)], f"has {ROWS} different texts in {ROWS} rows;"),
    "1e308": ([1e308, 0.5] * 150, "holds 1e+308, and numbers beyond 1e+150 have no variance;"),
}


@pytest.mark.parametrize(("column", "sentence"), BAD.values(), ids=BAD)
def test_a_column_that_cannot_be_used_is_named_and_can_be_ignored(
    tmp_path: Path, column: list[object], sentence: str
) -> None:
    with pytest.raises(HourglassError) as refused:
        ingested(column, tmp_path)
    assert str(refused.value).startswith("column 'other'")
    assert sentence in str(refused.value)
    (tmp_path / "again").mkdir()
    dataset = ingested(column, tmp_path / "again", columns={"other": "ignore"})
    assert dataset.info["shape"] == [1]


def test_infinite_numbers_drop_their_rows_and_too_many_are_refused(tmp_path: Path) -> None:
    column = np.arange(float(ROWS))
    column[7] = np.inf
    assert ingested(column, tmp_path).info["dropped"]["missing_or_infinite"] == 1
    column[:50] = -np.inf
    (tmp_path / "many").mkdir()
    with pytest.raises(
        HourglassError, match=r"50 of 300 rows have a missing or infinite value \(50 in column 'other'\), more"
    ):
        ingested(column, tmp_path / "many")


def test_gaps_are_filled_where_that_is_set_and_come_with_a_sign(tmp_path: Path) -> None:
    column = DRAW.gamma(2, size=ROWS)
    column[::3] = np.nan
    dataset = ingested(column, tmp_path, columns={"other": {"impute": "median"}})
    assert dataset.info["dropped"]["missing_or_infinite"] == 0
    assert dataset.schema.features == ["good", "other", "other is missing"]
    x = np.asarray(dataset.rows("train").x)
    units = dataset.normaliser(x)
    gap = np.isnan(x[:, 1])
    assert gap.any()
    assert np.isfinite(units).all()
    assert np.unique(units[gap, 1]).size == 1
    np.testing.assert_array_equal(units[:, 2], gap)
    assert dataset.raw("train")["other"].isna().to_numpy().tolist() == gap.tolist()


def test_times_booleans_and_codes_come_back_as_they_were(tmp_path: Path) -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=ROWS, freq="97min"))
    dataset = ingested(times, tmp_path, columns={"other": {"cycles": True}})
    index = np.asarray(dataset.rows("train").index)
    back = dataset.schema.decode(dataset.normaliser.inverse(dataset.normaliser(np.asarray(dataset.rows("train").x))))
    assert (back["other"] - times[index].reset_index(drop=True)).abs().max() < pd.Timedelta(1, "s")


@pytest.mark.long
def test_ten_thousand_columns_are_a_table(tmp_path: Path) -> None:
    frame = pd.DataFrame(DRAW.normal(size=(100, 10_000)).round(3), columns=[f"c{number}" for number in range(10_000)])
    frame.to_csv(tmp_path / "table.csv", index=False)
    making.build(str(tmp_path / "table.csv"), tmp_path / "data", DataParams())
    (tmp_path / "out").mkdir()
    info = ingest(snapshot.opened(tmp_path / "data", DataParams()), tmp_path / "out", DataParams(), SplitParams())
    assert info["shape"] == [10_000]
