"""A data set on disk gives back what was written, in one shard or in many."""

from pathlib import Path

import numpy as np
import pytest

from hourglass.data import dataset
from hourglass.data.dataset import Dataset, Rows, write_rows
from hourglass.errors import HourglassError
from hourglass.files import write_json


@pytest.mark.parametrize(("shard_bytes", "shards"), [(1, 20), (100, 5), (2**20, 1)])
def test_rows_come_back_from_any_number_of_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard_bytes: int, shards: int
) -> None:
    monkeypatch.setattr(dataset, "_SHARD_BYTES", shard_bytes)
    rows = Rows(np.arange(60.0).reshape(20, 3), np.arange(20) % 2, np.arange(20) * 7, np.ones((20, 2), np.float32))
    write_rows(tmp_path / "train", rows)
    write_json(tmp_path / "dataset.json", {})
    found = Dataset(tmp_path).rows("train")
    assert len(list((tmp_path / "train").glob("x-*"))) == shards
    for name in ("x", "label", "index", "condition"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rows, name))


def test_one_shard_stays_on_disk(tmp_path: Path) -> None:
    write_rows(tmp_path / "train", Rows(np.zeros((4, 3)), np.zeros(4, int), np.arange(4), np.zeros((4, 0), np.float32)))
    write_json(tmp_path / "dataset.json", {})
    assert isinstance(Dataset(tmp_path).rows("train").x, np.memmap)


def test_a_missing_data_set_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match=r"dataset.json is missing; run `hourglass run`"):
        Dataset(tmp_path)
