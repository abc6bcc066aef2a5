"""New data stands beside the old as a dated shard: whole, once, and without moving what is there."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, proposal, shards, snapshot, split
from hourglass.data.labels import Labels
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ColumnSettings
from hourglass.data.shards import Added
from hourglass.errors import HourglassError

MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    params = proposal.proposed_params("digits", None, None, None)
    making.build("digits", tmp_path / "data", params)
    return tmp_path / "data"


DIGITS = DataParams(label="digit", anomalous=[8])
RNG = np.random.default_rng(0)


def images(path: Path, rows: int = 5, **changes) -> Path:
    arrays = {"x": RNG.integers(0, 17, (rows, 8, 8)).astype(np.uint8), "digit": np.zeros(rows, np.uint8)}
    np.savez(path, **(arrays | changes))
    return path


def table(path: Path, **columns) -> Path:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    source = table(tmp_path / "zebra.csv", amount=[1.5, 2.5, 3.5], city=["a", "b", "a"], status=["ok", "ok", "bad"])
    making.build(str(source), tmp_path / "data", PAYMENTS)
    return tmp_path / "data"


PAYMENTS = DataParams(label="status", normal=["ok"])


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.glob("*data*/**/*"))


def test_shard_is_named_by_its_date_and_content(digits, tmp_path):
    added = shards.add(images(tmp_path / "a.npz"), digits, DIGITS, MONDAY)
    name = added.name
    assert added.new
    assert name.startswith("20261123T093000Z-")
    assert sorted(path.name for path in (digits / name).iterdir()) == ["digit.npy", "x.npy"]
    assert len(snapshot.read(digits).rows) == 1797 + 5


def test_same_shard_twice_is_there_once_also_on_another_day(digits, tmp_path):
    source = images(tmp_path / "a.npz")
    first = shards.add(source, digits, DIGITS, MONDAY)
    before = held(digits)
    source.rename(tmp_path / "b.npz")
    assert shards.add(tmp_path / "b.npz", digits, DIGITS, TUESDAY) == replace(first, new=False)
    assert held(digits) == before


def test_what_the_snapshot_began_with_is_not_added_again(payments, tmp_path):
    assert shards.add(tmp_path / "zebra.csv", payments, PAYMENTS, MONDAY) == Added("zebra", False, [])


def test_adding_moves_no_row_to_another_place_or_split(payments, tmp_path):
    """Neither by the shard's date, which sorts before letters, nor by the order of its columns."""
    before = snapshot.read(payments)
    table(tmp_path / "new.csv", status=["ok", "ok"], city=["a", "b"], amount=[7, 8])
    shards.add(tmp_path / "new.csv", payments, PAYMENTS, MONDAY)
    after = snapshot.read(payments)
    pd.testing.assert_frame_equal(after.rows.iloc[:3], before.rows)
    assert after.rows["amount"].tolist() == [1.5, 2.5, 3.5, 7, 8]

    def splits(raw):
        hashes = split.row_hashes(raw.rows, 0)
        return split.Rule(SplitParams()).assign(raw, hashes, Labels.of(raw, PAYMENTS).is_anomaly).tolist()

    assert splits(after)[:3] == splits(before)


def test_images_keep_their_splits(digits, tmp_path):
    before = split.row_hashes(snapshot.read(digits).rows, 0)
    for day, rows in ((TUESDAY, 4), (MONDAY, 6)):
        shards.add(images(tmp_path / f"{rows}.npz", rows), digits, DIGITS, day)
    after = snapshot.read(digits)
    np.testing.assert_array_equal(split.row_hashes(after.rows, 0)[: len(before)], before)
    assert [shard.name[:8] for shard in snapshot.shards(digits)] == ["digits", "20261123", "20261124"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"x": np.zeros((5, 9, 9), np.uint8)}, r"the shape of a row is \(9, 9\); expected \(8, 8\)"),
        ({"x": np.zeros((5, 8, 8))}, "the kind of data is array; expected image"),
        ({"season": np.zeros(5)}, "column 'season' is not in data/"),
        ({"digit": np.array(list("abcde"))}, "column 'digit' holds 'a' in row 0; expected numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_nothing_changes(digits, tmp_path, changes, problem):
    before = held(digits)
    with pytest.raises(HourglassError, match=rf"a\.npz: {problem}"):
        shards.add(images(tmp_path / "a.npz", **changes), digits, DIGITS, MONDAY)
    assert held(digits) == before


@pytest.mark.parametrize(
    ("photo", "problem"),
    [
        ({"photo": np.zeros((5, 4, 4))}, r"the shape of a row of 'photo' is \(4, 4\); expected \(3, 3\)"),
        ({}, r"the shape of a row of 'photo' is missing; expected \(3, 3\)"),
        ({"photo": np.zeros((5, 3, 3)), "map": np.zeros((5, 2))}, r"'map' is \(2,\); expected none"),
    ],
)
def test_what_lies_beside_has_to_fit_too(tmp_path, photo, problem):
    np.savez(tmp_path / "first.npz", x=np.ones((3, 2)), photo=np.arange(27.0).reshape(3, 3, 3))
    making.build(str(tmp_path / "first.npz"), tmp_path / "data", DataParams(condition=["photo"]))
    np.savez(tmp_path / "more.npz", x=np.zeros((5, 2)), **photo)
    with pytest.raises(HourglassError, match=problem):
        shards.add(tmp_path / "more.npz", tmp_path / "data", DataParams(condition=["photo"]), MONDAY)


def test_arrays_beside_the_rows_are_added_with_them(tmp_path):
    for name, rows in (("first", 3), ("more", 2)):
        np.savez(tmp_path / f"{name}.npz", x=np.full((rows, 2), rows), photo=np.full((rows, 3, 3), rows))
    making.build(str(tmp_path / "first.npz"), tmp_path / "data", DataParams(condition=["photo"]))
    shards.add(tmp_path / "more.npz", tmp_path / "data", DataParams(condition=["photo"]), MONDAY)
    raw = snapshot.read(tmp_path / "data")
    assert raw.arrays["photo"].shape == (5, 3, 3)
    np.testing.assert_array_equal(raw.arrays["photo"][:, 0, 0], raw.rows[:, 0])


def test_arrays_of_another_type_are_refused(tmp_path):
    np.save(tmp_path / "first.npy", np.ones((3, 2), np.float32))
    making.build(str(tmp_path / "first.npy"), tmp_path / "data", DataParams())
    np.save(tmp_path / "more.npy", np.ones((3, 2)))
    with pytest.raises(HourglassError, match="the type is float64; expected float32"):
        shards.add(tmp_path / "more.npy", tmp_path / "data", DataParams(), MONDAY)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"amount": [1], "status": ["ok"]}, "column 'city' is missing"),
        (
            {"amount": ["much"], "city": ["a"], "status": ["ok"]},
            "column 'amount' holds 'much' in row 0; expected numbers",
        ),
        ({"amount": [1, 2], "city": ["a", "b"], "status": ["ok", None]}, "row 1: the label is missing"),
        (
            {"amount": [1, None, np.inf], "city": ["a", "b", "a"], "status": ["ok"] * 3},
            r"2 of 3 rows have a missing or infinite value, more than the share data\.max_invalid = 0\.01 allows",
        ),
        ({"amount": [1, 1e200], "city": ["a", "b"], "status": ["ok"] * 2}, r"'amount' holds 1e\+200 in row 1"),
    ],
)
def test_tables_that_do_not_fit_are_refused_and_nothing_changes(payments, tmp_path, columns, problem):
    before = held(payments)
    with pytest.raises(HourglassError, match=rf"new\.csv: .*{problem}"):
        shards.add(table(tmp_path / "new.csv", **columns), payments, PAYMENTS, MONDAY)
    assert held(payments) == before


def test_shard_that_another_reader_takes_is_refused(digits, tmp_path):
    with pytest.raises(HourglassError, match=r"t\.csv is read as table; the snapshot in data/ is read as array"):
        shards.add(table(tmp_path / "t.csv", x=[1]), digits, DIGITS, MONDAY)


def test_shard_without_anomalies_fits(payments, tmp_path):
    source = table(tmp_path / "new.csv", amount=[4], city=["a"], status=["ok"])
    assert shards.add(source, payments, PAYMENTS, MONDAY).new


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    """A snapshot of 200 rows whose schema knows two cities."""
    source = table(tmp_path / "cities.csv", amount=np.arange(200.0), city=["a", "b"] * 100)
    making.build(str(source), tmp_path / "data", DataParams())
    return tmp_path / "data"


def test_a_few_unseen_categories_are_told_and_taken(cities, tmp_path):
    source = table(tmp_path / "new.csv", amount=np.arange(200.0), city=[*["a", "b"] * 99, "a", "c"])
    added = shards.add(source, cities, DataParams(), MONDAY)
    assert added.new
    (remark,) = added.remarks
    assert "column 'city' has values that the schema doesn't know ('c') in 1 of 200 rows" in remark


def test_many_unseen_categories_are_refused(cities, tmp_path):
    source = table(tmp_path / "new.csv", amount=[1.0, 2.0], city=["a", "c"])
    with pytest.raises(HourglassError, match=r"new\.csv: column 'city' .*\('c'\) in 1 of 2 rows, more than the share"):
        shards.add(source, cities, DataParams(), MONDAY)


def test_a_shard_is_added_with_none_of_the_old_rows_at_hand(cities, tmp_path):
    shutil.rmtree(cities / "cities")
    source = table(tmp_path / "new.csv", amount=[1.0, 2.0], city=["a", "b"])
    assert shards.add(source, cities, DataParams(), MONDAY, absent=["cities"]).new
    assert not shards.add(tmp_path / "cities.csv", cities, DataParams(), MONDAY, absent=["cities"]).new


def test_missing_categories_are_refused_as_missing_numbers_are(cities, tmp_path):
    source = table(tmp_path / "new.csv", amount=[1.0, 2.0], city=["a", None])
    with pytest.raises(HourglassError, match="1 of 2 rows have a missing or infinite value"):
        shards.add(source, cities, DataParams(), MONDAY)


def test_what_is_missing_may_be_imputed(cities, tmp_path):
    source = table(tmp_path / "new.csv", amount=[1.0, None, None], city=["a", "b", None])
    columns = {"amount": ColumnSettings(impute="median"), "city": ColumnSettings(impute="indicator")}
    assert shards.add(source, cities, DataParams(columns=columns), MONDAY).new


def test_a_column_that_is_ignored_may_hold_anything(cities, tmp_path):
    """As the refusal of unseen categories proposes."""
    source = table(tmp_path / "new.csv", amount=["much", None], city=["c", "d"])
    columns = {"amount": ColumnSettings(type="ignore"), "city": ColumnSettings(type="ignore")}
    assert shards.add(source, cities, DataParams(columns=columns), MONDAY) == Added(ANY, True, [])


def test_a_column_of_numbers_that_is_set_to_be_a_category_takes_texts(cities, tmp_path):
    source = table(tmp_path / "new.csv", amount=["1", "much"], city=["a", "b"])
    columns = {"amount": ColumnSettings(type="category")}
    assert shards.add(source, cities, DataParams(columns=columns), MONDAY).new


def test_categories_keep_their_zeros_in_a_shard_of_digits_alone(tmp_path):
    codes = ["007", "A1", "012"] * 20
    making.build(str(table(tmp_path / "first.csv", x=range(60), code=codes)), tmp_path / "data", DataParams())
    source = table(tmp_path / "new.csv", x=[1, 2], code=["007", "012"])
    assert shards.add(source, tmp_path / "data", DataParams(), MONDAY).remarks == []
    rows = list(snapshot.opened(tmp_path / "data", DataParams()).blocks(DataParams()))[-1].rows
    assert rows["code"].tolist() == ["007", "012"]


@pytest.mark.parametrize(
    ("splitting", "problem"),
    [
        (SplitParams(by="given", column="city"), "column 'city', row 1: 'c' is no split"),
        (SplitParams(by="time", column="city"), "column 'city', row 0: 'train' is no time"),
    ],
)
def test_rows_that_no_split_takes_are_refused(tmp_path, splitting, problem):
    first = table(tmp_path / "first.csv", x=range(4), city=["train", "test"] * 2)
    making.build(str(first), tmp_path / "data", DataParams())
    source = table(tmp_path / "new.csv", x=[1, 2], city=["train", "c"])
    with pytest.raises(HourglassError, match=problem):
        shards.add(source, tmp_path / "data", DataParams(), MONDAY, splitting=splitting)


def test_arrays_with_gaps_are_refused(tmp_path):
    np.save(tmp_path / "first.npy", np.ones((3, 2)))
    making.build(str(tmp_path / "first.npy"), tmp_path / "data", DataParams())
    np.save(tmp_path / "more.npy", np.array([[1, 2], [np.nan, 1]]))
    with pytest.raises(HourglassError, match="1 of 2 rows have a missing or infinite value"):
        shards.add(tmp_path / "more.npy", tmp_path / "data", DataParams(), MONDAY)
