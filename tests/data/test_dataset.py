"""A data set on disk gives back what was written, in one file or in many, at once or in blocks."""

from pathlib import Path

import numpy as np
import pytest

from hourglass.data import dataset
from hourglass.data.dataset import Dataset, Stored, Writer
from hourglass.errors import HourglassError
from hourglass.files import write_json

ROWS = Stored(
    np.arange(60.0).reshape(20, 3), np.arange(20) % 2, np.arange(20) * 7, np.empty((20, 0)), np.ones(20, np.bool_)
)


def written(folder: Path, *parts: Stored) -> Dataset:
    writer = Writer(folder / "train", "")
    for part in parts:
        writer.append(part)
    writer.close()
    write_json(folder / "dataset.json", {"condition": None})
    return Dataset(folder)


@pytest.mark.parametrize(("file_bytes", "files"), [(1, 20), (100, 5), (2**20, 1)])
def test_rows_come_back_from_any_number_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_bytes: int, files: int
) -> None:
    monkeypatch.setattr(dataset, "_FILE_BYTES", file_bytes)
    found = written(tmp_path, ROWS.take(slice(0, 7)), ROWS.take(slice(7, 20))).rows("train")
    assert len(list((tmp_path / "train").glob("x-*"))) == files
    for name in ("x", "label", "index"):
        np.testing.assert_array_equal(getattr(found, name), getattr(ROWS, name))


@pytest.mark.parametrize("rows", [1, 6, 20, 99])
@pytest.mark.parametrize("file_bytes", [1, 100, 2**20])
def test_rows_come_back_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, file_bytes: int) -> None:
    monkeypatch.setattr(dataset, "_FILE_BYTES", file_bytes)
    blocks = list(written(tmp_path, ROWS).blocks("train", rows))
    assert [len(block) for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
    np.testing.assert_array_equal(np.concatenate([block.x for block in blocks]), ROWS.x)
    np.testing.assert_array_equal(np.concatenate([block.index for block in blocks]), ROWS.index)


def test_files_have_the_bytes_that_numpy_writes(tmp_path: Path) -> None:
    written(tmp_path, ROWS.take(slice(0, 7)), ROWS.take(slice(7, 20)))
    np.save(tmp_path / "x.npy", ROWS.x)
    assert (tmp_path / "train" / "x-00000.npy").read_bytes() == (tmp_path / "x.npy").read_bytes()


def test_what_one_file_holds_stays_on_disk(tmp_path: Path) -> None:
    assert isinstance(written(tmp_path, ROWS).rows("train").x, np.memmap)


def test_a_missing_data_set_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match=r"dataset.json is missing; run `hourglass run`"):
        Dataset(tmp_path)
