"""Whatever is read comes back as it was; what can't be read is refused in one sentence and leaves nothing behind."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError

Take = Callable[..., Raw]


def refusal(take: Take, source: Path | str, params: DataParams | None = None) -> str:
    """Give the sentence that a source is refused with, after checking that the folder is as before."""
    folder = Path(source).parent if Path(source).is_absolute() else Path.cwd()
    before = sorted(folder.rglob("*"))
    with pytest.raises(HourglassError) as refused:
        take(source, params)
    assert sorted(folder.rglob("*")) == before
    return str(refused.value)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_digits_are_those_of_scikit_learn(digits: Raw) -> None:
    assert digits.kind == "image"
    assert digits.rows.dtype == np.uint8
    np.testing.assert_array_equal(digits.rows, load_digits().images)
    np.testing.assert_array_equal(digits.side["digit"], load_digits().target)


def test_breast_cancer_is_that_of_scikit_learn(taken: Take) -> None:
    raw = taken("breast_cancer", DataParams(label="diagnosis", normal=["benign"]))
    bunch = load_breast_cancer(as_frame=True)
    pd.testing.assert_frame_equal(raw.rows.drop(columns="diagnosis"), bunch.data)
    assert ((raw.rows["diagnosis"] == "benign") == (bunch.target == 1)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint16", "bool"])
def test_an_array_keeps_its_type(taken: Take, tmp_path: Path, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 2, (5, 3)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    raw = taken(tmp_path / "x.npy")
    assert (raw.kind, raw.rows.dtype) == ("array", np.dtype(dtype))
    np.testing.assert_array_equal(raw.rows, x)


def test_arrays_of_bytes_with_two_dimensions_a_row_are_images(taken: Take, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 4, 3), np.uint8))
    assert taken(tmp_path / "x.npy").kind == "image"


def test_what_lies_beside_the_data_in_an_npz_can_be_a_label(taken: Take, tmp_path: Path) -> None:
    x, species = np.arange(12.0).reshape(4, 3), np.array(["a", "b", "a", "b"])
    np.savez(tmp_path / "data.npz", measures=x, species=species)
    raw = taken(tmp_path / "data.npz", DataParams(label="species", normal=["a"]))
    np.testing.assert_array_equal(raw.rows, x)
    np.testing.assert_array_equal(raw.side["species"], species)


def test_images_come_back_with_their_folder_as_class(taken: Take, images: Path) -> None:
    raw = taken(images)
    assert raw.kind == "image"
    assert list(raw.side["class"]) == ["cat"] * 3 + ["dog"] * 3
    for pixels, name in zip(raw.rows, raw.side["file"], strict=True):
        np.testing.assert_array_equal(pixels, Image.open(images / name))


def test_an_image_may_have_a_long_name(taken: Take, images: Path) -> None:
    name = "cat/" + 40 * "chat-" + ".png"
    (images / "cat" / "1.png").rename(images / name)
    assert name in set(taken(images).side["file"])


def test_the_same_images_give_the_same_bytes(taken: Take, images: Path, tmp_path: Path) -> None:
    taken(images)
    tar = tmp_path / "data" / "images" / "images-00000.tar"
    first = tar.read_bytes()
    (tmp_path / "data").rename(tmp_path / "before")
    for path in images.rglob("*.png"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    taken(images)
    assert tar.read_bytes() == first


def test_a_missing_path_is_named(taken: Take, tmp_path: Path) -> None:
    sentence = "absent.csv doesn't exist; give a file, a folder, or one of the bundled sets: digits, breast_cancer."
    assert refusal(taken, tmp_path / "absent.csv").endswith(sentence)


@pytest.mark.parametrize("name", ["notes.txt", "model.pkl"])
def test_a_file_of_another_kind_is_refused(taken: Take, tmp_path: Path, name: str) -> None:
    assert (
        "expected a table (.csv, .tsv, .jsonl, .parquet, .arrow), arrays (.npy, .npz), or a folder of tables"
        in refusal(taken, write(tmp_path / name, "x"))
    )


def test_an_empty_folder_is_refused(taken: Take, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert "nothing is nothing Hourglass reads" in refusal(taken, tmp_path / "nothing")


class Armed:
    """Makes a file on being unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pickled_arrays_are_refused_unread(taken: Take, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data.{suffix}"
    objects = np.array([[Armed(tmp_path / "fired")]], object)
    np.save(path, objects) if suffix == "npy" else np.savez(path, x=objects)
    sentence = refusal(taken, path)  # which also sees that no file was made
    assert str(path) in sentence
    assert "without pickle" in sentence


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_file_with_a_false_suffix_is_refused(taken: Take, tmp_path: Path, suffix: str) -> None:
    np.save(tmp_path / "array.npy", np.zeros((2, 2)))
    np.savez(tmp_path / "bundle.npz", x=np.zeros((2, 2)))
    path = (tmp_path / {"npy": "bundle.npz", "npz": "array.npy"}[suffix]).rename(tmp_path / f"false.{suffix}")
    assert f"{path} can't be read as .{suffix}" in refusal(taken, path)


@pytest.mark.parametrize(
    ("x", "why"),
    [
        (np.float64(3), "has shape ()"),
        (np.zeros(3), "has shape (3,)"),
        (np.zeros((0, 3)), "has shape (0, 3)"),
        (np.zeros((3, 0)), "has shape (3, 0)"),
        (np.array([["a", "b"]]), "is of type <U1"),
    ],
)
def test_an_array_that_is_no_rows_of_numbers_is_refused(taken: Take, tmp_path: Path, x: np.ndarray, why: str) -> None:
    np.save(tmp_path / "odd.npy", x)
    assert f"{tmp_path / 'odd.npy'} {why}" in refusal(taken, tmp_path / "odd.npy")


def test_arrays_of_unequal_length_are_named(taken: Take, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((3, 2)), label=np.zeros(2))
    assert "array 'label' has 2 rows and 'x' has 3" in refusal(taken, tmp_path / "data.npz")


def test_an_npz_must_say_which_array_is_the_data(taken: Take, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", left=np.zeros((3, 2)), right=np.zeros((3, 2)))
    assert "left, right; expected one named x" in refusal(taken, tmp_path / "data.npz")


def test_images_of_unequal_size_are_named(taken: Take, images: Path) -> None:
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(images / "dog" / "9.png")
    sentence = refusal(taken, images)
    assert f"{images / 'dog' / '9.png'} is 6 x 4" in sentence
    assert f"{images / 'cat' / '1.png'} is 5 x 4" in sentence


def test_an_unreadable_image_is_named(taken: Take, images: Path) -> None:
    path = write(images / "dog" / "9.png", "no image")
    assert refusal(taken, images) == f"{path} is no readable image; mend or remove it."


def test_a_cut_off_image_is_named(taken: Take, images: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").resize((5, 4)).save(images / "dog" / "9.bmp")
    path = images / "dog" / "9.bmp"
    path.write_bytes(path.read_bytes()[:60])
    assert f"{path} is no readable image (" in refusal(taken, images)
