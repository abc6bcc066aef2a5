"""Masks go with images by their names, as those of MVTec AD do, and reach the data set beside their rows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hourglass.data import making, snapshot
from hourglass.data.ingest import ingest
from hourglass.data.masks import DatasetMasks
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import masks
from hourglass.errors import HourglassError

EACH = 20


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def hole(place: int) -> np.ndarray:
    """Give a mask that begins at a row of its own."""
    return 255 * (np.arange(12) >= place)[:, None].astype(np.uint8).repeat(8, axis=1)


@pytest.fixture
def bottles(tmp_path: Path) -> Path:
    """Images as those of MVTec AD lie; those with a hole are in test alone."""
    folder = tmp_path / "bottles"
    draw = np.random.default_rng(0)
    for kind in ("test/good", "test/hole", "train/good"):
        for place in range(EACH):
            save(folder / kind / f"{place:02d}.png", draw.integers(0, 256, (12, 8), np.uint8))
    for place in range(EACH):
        save(folder / "ground_truth" / "hole" / f"{place:02d}_mask.png", hole(place % 12))
    return folder


def refused(folder: Path, tmp_path: Path) -> str:
    with pytest.raises(HourglassError) as problem:
        making.build(str(folder), tmp_path / "data", DataParams())
    assert not list(tmp_path.glob("*data*"))
    return str(problem.value)


@pytest.mark.parametrize(("size", "shape"), [(None, (12, 8)), ([6, 4], (6, 4))])
def test_masks_stand_beside_the_rows_of_their_images(
    bottles: Path, tmp_path: Path, size: list[int] | None, shape: tuple[int, int]
) -> None:
    image = ImageSettings(size=size, fit="resize" if size else "refuse")
    data = DataParams(label="class", normal=["good"], image=image)
    making.build(str(bottles), tmp_path / "data", data)
    (tmp_path / "dataset").mkdir()
    info = ingest(snapshot.opened(tmp_path / "data", data), tmp_path / "dataset", data, SplitParams())
    assert (info["classes"], info["anomalous"]) == (["good", "hole"], ["hole"])
    assert {"masks/index.npy", "masks/mask.npy"} <= info["files"].keys()
    found = DatasetMasks(tmp_path / "dataset", shape)
    assert len(found) == EACH
    assert found.has(np.arange(3 * EACH)).tolist() == EACH * [False] + EACH * [True] + EACH * [False]
    whole = found.of(np.array([EACH + 2, 0, EACH + 6]))
    expected = np.stack([hole(2), 0 * hole(2), hole(6)]) > 0
    if size is None:
        np.testing.assert_array_equal(whole, expected)
    np.testing.assert_allclose(whole.mean(axis=(1, 2)), expected.mean(axis=(1, 2)), atol=0.1)


def test_images_without_masks_make_a_data_set_without(tmp_path: Path) -> None:
    for place in range(40):
        save(tmp_path / "raw" / f"{place}.png", np.random.default_rng(place).integers(0, 256, (4, 4), np.uint8))
    making.build(str(tmp_path / "raw"), tmp_path / "data", DataParams())
    (tmp_path / "dataset").mkdir()
    data = DataParams()
    info = ingest(snapshot.opened(tmp_path / "data", data), tmp_path / "dataset", data, SplitParams())
    assert not any("masks" in name for name in info["files"])
    assert len(DatasetMasks(tmp_path / "dataset", (4, 4))) == 0
    assert not DatasetMasks(tmp_path / "dataset", (4, 4)).of(np.arange(3)).any()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("hole/3.png", "hole/3"),
        ("test/hole/3.jpg", "test/hole/3"),
        ("train/hole/3.png", "hole/3"),
        ("3.png", None),
        ("good/3.png", None),
    ],
)
def test_the_mask_of_an_image_agrees_in_most_folders(image: str, mask: str | None) -> None:
    assert masks.mask_of(image, {"hole/3", "test/hole/3"}) == mask


def test_a_mask_that_fits_no_image_or_several_is_named(bottles: Path, tmp_path: Path) -> None:
    save(bottles / "ground_truth" / "hole" / "77.png", hole(1))
    assert "hole/77.png is the mask of no image below" in refused(bottles, tmp_path)
    (bottles / "ground_truth" / "hole" / "77.png").rename(bottles / "ground_truth" / "03.png")
    assert "03.png is the mask of " in refused(bottles, tmp_path)


def test_a_mask_of_another_size_than_its_image_is_named(bottles: Path, tmp_path: Path) -> None:
    save(bottles / "ground_truth" / "hole" / "03_mask.png", hole(1)[:5])
    assert "03_mask.png is 8 x 5 pixels; expected 8 x 12, as its image" in refused(bottles, tmp_path)
