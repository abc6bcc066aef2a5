"""The benchmarks of bounds and codes read what they say, and measure what they train."""

import argparse
import gzip
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from hourglass.errors import HourglassError

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark as its command does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("bounds", "sprites", "rate_distortion", "decoder_strength", "codes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module


def write_idx(path, pixels):
    head = np.array([0x803, *pixels.shape], ">u4").tobytes()
    content = head + pixels.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def folder(tmp_path):
    """Make a folder as torchvision leaves it, of strokes in noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8)
    pixels[:, 4:20] //= 8
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", pixels[:48])
    write_idx(tmp_path / "t10k-images-idx3-ubyte", pixels[48:])
    return tmp_path


def test_idx_files_and_npz_give_the_same_digits(benchmark, folder, tmp_path):
    bounds = benchmark("bounds")
    train, test = bounds.digits(folder)
    assert (train.shape, test.shape) == ((48, 1, 28, 28), (12, 1, 28, 28))
    assert train.min() == 0
    assert train.max() == 1
    whole = [np.uint8(255 * part[:, 0].numpy() + 0.5) for part in (train, test)]
    np.savez(tmp_path / "digits.npz", x=whole[0], x_test=whole[1])
    for one, other in zip(bounds.digits(tmp_path / "digits.npz"), (train, test), strict=True):
        assert torch.equal(one, other)


def test_a_folder_without_digits_and_a_cut_file_are_refused(benchmark, folder):
    bounds = benchmark("bounds")
    (folder / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(40))
    with pytest.raises(HourglassError, match="t10k-images-idx3-ubyte is no idx file"):
        bounds.digits(folder)
    with pytest.raises(HourglassError, match=r"holds no train-images-idx3-ubyte or .*\.gz"):
        bounds.digits(folder / "..")


@pytest.mark.parametrize("variant", ["vae", "iwae"])
def test_a_training_leaves_a_curve_and_bounds_that_rise(benchmark, folder, variant):
    bounds = benchmark("bounds")
    asked = {"variant": variant, "epochs": 2, "batch": 16, "lr": 1e-3, "kl_warmup": 0.0, "held_out": 8, "rows": 12}
    asked |= {"draws": 100, "device": "cpu", "threads": 1, "seed": 0, "data": folder}
    found = bounds.run(argparse.Namespace(**asked))
    assert [point["epoch"] for point in found["curve"]] == [1, 2]
    assert found["curve"][0]["cpu_seconds"] < found["curve"][1]["cpu_seconds"]
    values = [one["bound"] for one in found["test"]["iwae"]]
    assert values == sorted(values)
    assert found["test"]["rows"] == 12
    assert found["published"]["nats"] == bounds.PUBLISHED[variant][0]


def test_sprites_are_every_combination_once(benchmark):
    sprites = benchmark("sprites")
    images, factors = sprites.sprites()
    assert images.shape == (np.prod(sprites.SIZES), 1, 32, 32)
    assert (images.min(), images.max()) == (0, 1)
    assert len({row.tobytes() for row in factors}) == len({row.tobytes() for row in images}) == len(factors)
    assert [len(np.unique(column)) for column in factors.T] == list(sprites.SIZES)


def test_a_larger_place_lies_further_right_or_down_and_a_larger_size_is_larger(benchmark):
    images, factors = benchmark("sprites").sprites()
    mass = images[:, 0].sum((1, 2))
    centre = [(images[:, 0].sum(axis) * np.arange(32)).sum(1) / mass for axis in (1, 2)]
    for seen, place in ((mass, 1), (centre[0], 3), (centre[1], 4)):
        means = [seen[factors[:, place] == value].mean() for value in np.unique(factors[:, place])]
        assert means == sorted(means)


def test_a_lower_beta_pays_more_for_the_code_and_leaves_less_open(benchmark):
    from hourglass.training.settings import TrainSettings

    module = benchmark("rate_distortion")
    rows = module.batches(part[:300] for part in module.digits())
    settings = TrainSettings(epochs=6, batch=64, lr=3e-3)
    low, high = (module.point(beta, rows, settings) for beta in (0.1, 5.0))
    assert low["rate"] > high["rate"] + 1
    assert low["distortion"] < high["distortion"]


@pytest.mark.long
def test_codes_of_digits_are_probed_beside_pcas(benchmark, tmp_path):
    from sklearn.datasets import load_digits

    from hourglass.training.settings import TrainSettings

    module = benchmark("codes")
    small = load_digits()
    pixels = np.zeros((len(small.images), 28, 28), np.uint8)
    pixels[:, 6:22, 6:22] = np.kron(small.images[:, :8, :8], np.ones((1, 2, 2))).clip(0, 15) * 17
    np.savez(tmp_path / "digits.npz", x=pixels, y=small.target)
    train, test = module.digits(tmp_path / "digits.npz")
    assert (len(train[0]), len(test[0])) == (1438, 359)
    module.VARIANTS["autoencoder"] = ("autoencoder", {"likelihood": "mse"})  # which needs few epochs
    settings = TrainSettings(epochs=8, batch=64, lr=2e-3)
    found = module.measured(module.codes("autoencoder", train[0], settings, seed=0), train, test)
    assert found["linear"] > 0.75
    assert found["neighbours"] > 0.85
