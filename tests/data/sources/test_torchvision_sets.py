"""Torchvision's sets are read from files as it would fetch them; what is missing or armed is refused."""

import gzip
import hashlib
import pickle
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, proposal, snapshot
from hourglass.data.sources import Raw, torchvision_sets
from hourglass.errors import HourglassError
from hourglass.torchvision_ops import torchvision


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""

    def offline(*arguments: Any, **options: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    return tmp_path / "cache" / "hourglass" / "torchvision"


def taken(source: str, tmp_path: Path) -> Raw:
    settings = proposal.proposed_params(source)
    assert settings.source == source
    making.build(source, tmp_path / "data", settings)
    return snapshot.read(tmp_path / "data", settings)


def write_mnist(root: Path, name: str = "MNIST") -> tuple[np.ndarray, np.ndarray]:
    """Write four digits to train on and two to test, as idx files."""
    draw = np.random.default_rng(0)
    digits, labels = draw.integers(0, 256, (6, 28, 28), np.uint8), draw.integers(0, 10, 6, np.uint8)
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for prefix, part in (("train", slice(0, 4)), ("t10k", slice(4, 6))):
        images = struct.pack(">IIII", 2051, len(digits[part]), 28, 28) + digits[part].tobytes()
        targets = struct.pack(">II", 2049, len(labels[part])) + labels[part].tobytes()
        for kind, content in (("images-idx3", images), ("labels-idx1", targets)):
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(content)
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    return digits, labels


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch, armed: Any = None) -> np.ndarray:
    """Write one picture to train on and one to test, as pickles of protocol 2."""
    cifar = torchvision("datasets.cifar").CIFAR10
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072), np.uint8)
    content = {"data_batch_1": {"data": pixels[:1], "labels": [1]}, "test_batch": {"data": pixels[1:], "labels": [0]}}
    content["batches.meta"] = {"label_names": ["airplane", "automobile"], "armed": armed}
    folder = root / "CIFAR10" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    sums = {}
    for name, entry in content.items():
        (folder / name).write_bytes(pickle.dumps(entry, protocol=2))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]})
    return pixels


def test_digits_come_with_their_labels_and_subsets(cache: Path, tmp_path: Path) -> None:
    digits, labels = write_mnist(cache / "MNIST")
    raw = taken("torchvision:MNIST", tmp_path)
    assert raw.kind == "image"
    np.testing.assert_array_equal(raw.rows, digits)
    expected = pd.DataFrame({"label": labels.astype(int), "subset": 4 * ["train"] + 2 * ["test"]})
    pd.testing.assert_frame_equal(raw.side, expected, check_dtype=False)


def test_classes_with_names_are_called_by_them(cache: Path, tmp_path: Path) -> None:
    _, labels = write_mnist(cache / "FashionMNIST", "FashionMNIST")
    names = torchvision("datasets").FashionMNIST.classes
    assert list(taken("torchvision:FashionMNIST", tmp_path).side["label"]) == [names[label] for label in labels]


def test_pictures_in_colour_keep_their_pixels(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = write_cifar(cache, monkeypatch)
    raw = taken("torchvision:CIFAR10", tmp_path)
    np.testing.assert_array_equal(raw.rows, pixels.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1))
    assert list(raw.side["label"]) == ["automobile", "airplane"]


class Armed:
    """Makes a file on being unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def test_code_in_a_pickle_does_not_run(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(cache, monkeypatch, Armed(tmp_path / "fired"))
    with pytest.raises(HourglassError, match=r"without running what is in it: a file names \S*, which is no array"):
        taken("torchvision:CIFAR10", tmp_path)
    assert not (tmp_path / "fired").exists()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["MNIST", "CIFAR10", "SVHN"])
def test_a_set_that_can_not_be_fetched_is_a_sentence(cache: Path, tmp_path: Path, name: str) -> None:
    sentence = rf"torchvision:{name} is not in {cache / name} as a whole and can't be fetched \(.*\); connect to the"
    with pytest.raises(HourglassError, match=sentence):
        taken(f"torchvision:{name}", tmp_path)


@pytest.mark.parametrize(
    ("name", "hint"), [("FashonMNIST", r"did you mean torchvision:FashionMNIST\?"), ("Dogs", "known are MNIST, ")]
)
def test_an_unknown_set_is_named(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(HourglassError, match=rf"torchvision:{name}: there is no such set; {hint}"):
        taken(f"torchvision:{name}", tmp_path)


def test_every_set_is_one_of_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in torchvision_sets.SETS:
        assert hasattr(torchvision("datasets"), name)
