"""Folders of images come back file by file; what can't be read is named, and nothing is half-written."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hourglass.data import making, snapshot
from hourglass.data.ingest import ingest
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import Raw, image, joined
from hourglass.errors import HourglassError

Take = Callable[..., Raw]


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def grey(side: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, shape or (side, side), np.uint8)


def read(folder: Path, shard: Path, data: DataParams, limit: int = 2**20) -> list[Raw]:
    shard.mkdir(parents=True)
    kind = image.take(folder, shard, data)
    return list(image.blocks(shard, kind, data, limit))


def refused(folder: Path, tmp_path: Path, data: DataParams | None = None) -> str:
    """Give the sentence that a snapshot is refused with, after checking that nothing is left of it."""
    with pytest.raises(HourglassError) as problem:
        making.build(str(folder), tmp_path / "data", data or DataParams())
    assert not list(tmp_path.glob("*data*"))
    return str(problem.value)


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kind=st.sampled_from([("uint8", 0), ("uint8", 2), ("uint8", 3), ("uint8", 4), ("uint16", 0)]),
    count=st.integers(1, 12),
    limit=st.integers(1, 500),
)
def test_every_picture_comes_back_whatever_the_limit(
    size: tuple[int, int], kind: tuple[str, int], count: int, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    dtype, channels = kind
    shape = (count, *size, channels) if channels else (count, *size)
    pixels = np.random.default_rng(count).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    for place, picture in enumerate(pixels):
        save(folder / "raw" / f"{place:02d}.png", picture)
    found = read(folder / "raw", folder / "shard", DataParams(), limit)
    whole = joined(found)
    assert whole.rows.dtype == pixels.dtype
    np.testing.assert_array_equal(whole.rows, pixels)
    assert list(whole.side["file"]) == [f"{place:02d}.png" for place in range(count)]
    assert all(len(block.side) == len(block.rows) for block in found)
    assert all(block.rows.nbytes <= limit or len(block.rows) == 1 for block in found)


def test_sizes_are_mixed_where_a_form_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "a.png", grey(1, 6, 8))
    save(tmp_path / "raw" / "b.jpg", grey(2, 9, 3, 3))
    data = DataParams(image=ImageSettings(size=[4, 4], fit="resize", channels=3))
    (found,) = read(tmp_path / "raw", tmp_path / "shard", data)
    assert found.rows.shape == (2, 4, 4, 3)
    assert found.side[["height", "width"]].to_numpy().tolist() == [[6, 8], [9, 3]]


def test_depths_and_sizes_must_agree(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "a.png", grey(4))
    save(tmp_path / "raw" / "b.png", grey(4).astype(np.uint16))
    assert refused(tmp_path / "raw", tmp_path).startswith(
        f"{tmp_path}/raw/b.png is 4 x 4 with 1 channel of 16 bits and {tmp_path}/raw/a.png is 4 x 4 with 1 channel of 8"
    )


def test_a_shard_that_no_longer_fits_the_settings_is_refused(tmp_path: Path) -> None:
    for side in (4, 5):
        save(tmp_path / "raw" / f"{side}.png", grey(side))
    data = DataParams(image=ImageSettings(size=[4, 4], fit="resize"))
    read(tmp_path / "raw", tmp_path / "shard", data)
    with pytest.raises(HourglassError, match=r"shard: 5.png is 5 x 5 .* and .*shard: 4.png is 4 x 4 "):
        list(image.blocks(tmp_path / "shard", "image", DataParams(), 2**20))


def test_another_form_than_was_surveyed_is_refused_by_ingest(tmp_path: Path) -> None:
    for place in range(40):
        save(tmp_path / "raw" / f"{place}.png", grey(place + 1, 4, 4))
    making.build(str(tmp_path / "raw"), tmp_path / "data", DataParams())
    data = DataParams(image=ImageSettings(size=[6, 5], fit="resize", channels=3))
    sentence = r"data.image asks for pictures of 5 x 6 with 3 channel\(s\), and the snapshot was made with 4 x 4 and 1"
    (tmp_path / "dataset").mkdir()
    with pytest.raises(HourglassError, match=sentence):
        ingest(snapshot.opened(tmp_path / "data", data), tmp_path / "dataset", data, SplitParams())


def test_labels_and_splits_stand_beside_the_images(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        save(tmp_path / "raw" / f"{name}.png", grey(4))
    (tmp_path / "raw" / "labels.csv").write_text(
        "file,label,split\nc.png,flaw,test\na.png,fine,train\nb.png,fine,train\n"
    )
    (found,) = read(tmp_path / "raw", tmp_path / "shard", DataParams())
    expected = {
        "file": ["a.png", "b.png", "c.png"],
        "label": ["fine", "fine", "flaw"],
        "split": 2 * ["train"] + ["test"],
    }
    pd.testing.assert_frame_equal(found.side, pd.DataFrame(expected))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("name,label\na.png,1\n", "has no column 'file' (there: name, label); expected a row for each file"),
        ("file,label\na.png,1\n", "has no row for 'b.png' (1 such files); add one for each"),
        ("file,label\na.png,1\nb.png,1\nc.png,2\n", "row 4: there is no file 'c.png' beside it (1 such rows)"),
        ("file,label\na.png,1\nb.png,1\na.png,2\n", "row 4: 'a.png' has a row above; keep one"),
        ("", "can't be read as CSV (No columns to parse from file)"),
        ("file,label\na.png,\xff\n", "can't be read as CSV"),
    ],
)
def test_labels_that_do_not_fit_the_images_are_refused(tmp_path: Path, labels: str, sentence: str) -> None:
    for name in ("a", "b"):
        save(tmp_path / "raw" / f"{name}.png", grey(4))
    (tmp_path / "raw" / "labels.csv").write_bytes(labels.encode("latin-1"))
    found = refused(tmp_path / "raw", tmp_path)
    assert str(tmp_path / "raw" / "labels.csv") in found
    assert sentence in found


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n cut"])
def test_a_broken_image_is_refused_or_left_out_and_listed(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "raw" / "a.png", grey(4))
    (tmp_path / "raw" / "b").mkdir()
    (tmp_path / "raw" / "b" / "broken.png").write_bytes(content)
    assert refused(tmp_path / "raw", tmp_path).startswith(f"{tmp_path}/raw/b/broken.png is ")
    (found,) = read(tmp_path / "raw", tmp_path / "shard", DataParams(image=ImageSettings(broken="skip")))
    assert list(found.side["file"]) == ["a.png"]
    (listed,) = json.loads((tmp_path / "shard" / "skipped.json").read_text())["skipped"]
    assert listed["file"] == "b/broken.png"
    assert listed["why"].startswith("broken.png is ")


def test_a_folder_of_broken_images_alone_is_refused_even_where_they_may_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.png").write_bytes(b"text")
    data = DataParams(image=ImageSettings(broken="skip"))
    assert "none of 1 images can be read; the first: " in refused(tmp_path / "raw", tmp_path, data)


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "a.png", grey(4))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "cat").symlink_to(tmp_path / "elsewhere")
    (found,) = read(tmp_path / "raw", tmp_path / "shard", DataParams())
    assert list(found.side["class"]) == ["cat"]


def test_links_in_circles_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "cat" / "a.png", grey(4))
    (tmp_path / "raw" / "cat" / "loop").symlink_to(tmp_path / "raw")
    assert "raw/cat/loop is a link to a folder that it lies in" in refused(tmp_path / "raw", tmp_path)
    (tmp_path / "raw" / "cat" / "loop").unlink()
    (tmp_path / "raw" / "b.png").symlink_to("b.png")
    assert "raw/b.png can't be read (Too many levels of symbolic links)" in refused(tmp_path / "raw", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("what", ["a.png", "cat"])
def test_what_may_not_be_read_is_named(tmp_path: Path, what: str) -> None:
    save(tmp_path / "raw" / "a.png", grey(4))
    save(tmp_path / "raw" / "cat" / "b.png", grey(4))
    (tmp_path / "raw" / what).chmod(0)
    try:
        assert f"raw/{what} can't be read (Permission denied)" in refused(tmp_path / "raw", tmp_path)
    finally:
        (tmp_path / "raw" / what).chmod(0o700)


@given(order=st.permutations(range(6)))
@settings(max_examples=5)
def test_the_same_images_give_the_same_archives(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("archives")
    for number, way in enumerate([sorted(order), order]):
        for place in way:
            save(folder / str(number) / f"{place}.png", grey(place + 1, 3, 3))
        (folder / f"shard{number}").mkdir()
        image.take(folder / str(number), folder / f"shard{number}", DataParams())
    first, second = ((folder / f"shard{number}" / "images-00000.tar").read_bytes() for number in (0, 1))
    assert first == second


def test_a_file_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "raw" / "a.png", grey(4))
    try:
        path.rename(path.with_name(os.fsdecode(b"\xff.png")))
    except OSError:
        pytest.skip("this file system takes names of UTF-8 alone")
    assert refused(tmp_path / "raw", tmp_path).endswith("\\xff.png': the name is no UTF-8; rename the file.")
