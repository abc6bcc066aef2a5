"""Pictures go through a model as files: any size in, the same size and name out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hourglass.data import making, proposal, snapshot
from hourglass.data.params import DataParams
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime import InputError
from hourglass.runtime.derived import derive
from hourglass.runtime.images import Form
from hourglass.use import commands
from tests.conftest import Packaged, packaged

SETTINGS: dict[str, Any] = {"latent": 8, "hidden": [64]}


def built(source: Path, data: DataParams, variant: str, folder: Path) -> Packaged:
    making.build(str(source), folder / "data", data)
    return packaged(snapshot.read(folder / "data", data), data, variant, SETTINGS, folder / "model")


def save(path: Path, pixels: np.ndarray, size: tuple[int, int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture.resize(size) if size else picture).save(path)


@pytest.fixture(scope="module")
def mixed(digits: Raw, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A model of 16 x 16 pictures in colour that came as grey ones of two sizes."""
    folder = tmp_path_factory.mktemp("mixed")
    for place, digit in enumerate(digits.rows[:300]):
        save(folder / "raw" / f"{place:03d}.png", 15 * digit, (20, 30) if place % 2 else (12, 10))
    data = DataParams(image=ImageSettings(size=[16, 16], fit="resize", channels=3))
    return built(folder / "raw", data, "autoencoder", folder)


def test_files_come_back_in_their_own_size_under_their_own_name(mixed: Packaged, digits: Raw, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a" / "wide.jpg", 15 * digits.rows[0], (40, 20))
    save(tmp_path / "in" / "tall.tif", 15 * digits.rows[1], (9, 33))
    said = commands.reconstruct(mixed.model, str(tmp_path / "in"), tmp_path / "out")
    assert said == f"{tmp_path}/out: 2 rows; in the sizes that they had"
    assert Image.open(tmp_path / "out" / "a" / "wide.png").size == (40, 20)
    assert Image.open(tmp_path / "out" / "tall.png").size == (9, 33)
    assert Image.open(tmp_path / "out" / "tall.png").mode == "RGB"
    said = commands.reconstruct(mixed.model, str(tmp_path / "in"), tmp_path / "out.npy")
    assert said == f"{tmp_path}/out.npy: 2 rows"
    assert np.load(tmp_path / "out.npy").shape == (2, 16, 16, 3)


def test_a_model_takes_files_as_bytes_and_paths_and_pictures_of_any_size(mixed: Packaged, tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.arange(600, dtype=np.uint8).reshape(30, 20))
    path = tmp_path / "a.png"
    pixels = np.asarray(Image.open(path))
    by_path = mixed.model.score([path])["anomaly_score"]
    assert by_path.notna().all()
    np.testing.assert_array_equal(mixed.model.score([path.read_bytes()])["anomaly_score"], by_path)
    np.testing.assert_array_equal(mixed.model.score([pixels])["anomaly_score"], by_path)
    formed = Form((16, 16), "resize", 3).apply(pixels, "a")
    np.testing.assert_array_equal(mixed.model.score(formed[None])["anomaly_score"], by_path)
    with pytest.raises(InputError, match="row 0 is no readable image; mend or remove it"):
        mixed.model.score([b"text"])
    with pytest.raises(InputError, match=r"absent.png can't be read \(No such file or directory\)"):
        mixed.model.score([tmp_path / "absent.png"])


def test_the_name_of_a_file_as_text_is_never_opened(mixed: Packaged, tmp_path: Path) -> None:
    """Rows may come over a network, and a server's own files are nobody's business."""
    save(tmp_path / "a.png", np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(InputError, match="row 0 is text; expected the base64"):
        mixed.model.score([str(tmp_path / "a.png")])


@pytest.mark.long
def test_pixels_of_16_bits_stay_so(digits: Raw, tmp_path: Path) -> None:
    for place, digit in enumerate(digits.rows[:200]):
        save(tmp_path / "raw" / f"{place:03d}.png", digit.astype(np.uint16) * 4000)
    found = built(tmp_path / "raw", DataParams(), "autoencoder", tmp_path)
    commands.reconstruct(found.model, str(tmp_path / "raw"), tmp_path / "out")
    made = np.asarray(Image.open(tmp_path / "out" / "007.png"))
    assert made.dtype == np.uint16
    assert made.max() > 255


@pytest.mark.long
@pytest.mark.parametrize(("fit", "size"), [("pad", (12, 12)), ("crop", (6, 6))])
def test_padding_is_cut_off_again_and_of_a_crop_the_middle_comes_back(
    digits: Raw, fit: Any, size: tuple[int, int], tmp_path: Path
) -> None:
    for place, digit in enumerate(digits.rows[:200]):
        save(tmp_path / "raw" / f"{place:03d}.png", 15 * digit)
    data = DataParams(image=ImageSettings(size=list(size), fit=fit))
    found = built(tmp_path / "raw", data, "autoencoder", tmp_path)
    said = commands.reconstruct(found.model, str(tmp_path / "raw"), tmp_path / "out")
    assert Image.open(tmp_path / "out" / "000.png").size == ((8, 8) if fit == "pad" else (6, 6))
    assert ("in the sizes that they had" in said) == (fit == "pad")
    assert ("the middle of each" in said) == (fit == "crop")


@pytest.fixture(scope="module")
def sketcher(digits: Raw, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A model that was told the edges of each digit."""
    folder = tmp_path_factory.mktemp("sketcher")
    for place, digit in enumerate(digits.rows[:400]):
        save(folder / "raw" / f"{place:03d}.png", 15 * digit)
    settings = proposal.proposed_params(str(folder / "raw"), derive="edges")
    return built(folder / "raw", settings, "cvae", folder)


def test_what_a_model_was_told_is_derived_in_serving_too(sketcher: Packaged, tmp_path: Path) -> None:
    pixels = sketcher.dataset.raw("test")
    photos = pixels["x"].astype(np.uint8)
    told = {"x": photos, "edges": derive(photos, "edges")}
    np.testing.assert_allclose(told["edges"], pixels["edges"], atol=1e-4)
    expected = sketcher.model.score(told)
    np.testing.assert_array_equal(sketcher.model.score(photos)["anomaly_score"], expected["anomaly_score"])
    for place, photo in enumerate(photos):
        save(tmp_path / "in" / f"{place:03d}.png", photo)
    commands.reconstruct(sketcher.model, str(tmp_path / "in"), tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), sketcher.model.reconstruct(told))


def test_a_folder_of_sketches_is_translated_into_pictures(sketcher: Packaged, tmp_path: Path) -> None:
    pixels = sketcher.dataset.raw("test")
    for place, sketch in enumerate(pixels["edges"].round().astype(np.uint8)):
        save(tmp_path / "sketches" / f"{place:03d}.png", sketch)
    commands.translate(sketcher.model, str(tmp_path / "sketches"), tmp_path / "photos", {})
    made = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "photos").iterdir())]).astype(float)
    mean = sketcher.dataset.raw("train")["x"].mean(axis=0)
    assert np.square(made - pixels["x"]).mean() < 0.6 * np.square(mean - pixels["x"]).mean()


def test_pictures_of_another_size_are_named(sketcher: Packaged, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", np.zeros((9, 8), np.uint8))
    with pytest.raises((HourglassError, InputError), match=r"have shape \(1, 9, 8\); expected \(rows, 8, 8\)"):
        commands.translate(sketcher.model, str(tmp_path / "in"), tmp_path / "out", {})
