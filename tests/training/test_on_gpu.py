"""What the loop promises on the CPU holds on a GPU too."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import multiprocessing

from hourglass import models
from hourglass.models.autoencoder import Autoencoder
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import CORRUPTIONS, spread_out
from hourglass.training import devices, steps
from hourglass.training.augment import Augment
from hourglass.training.capture import Capture
from hourglass.training.loop import METRICS_FILE, fit, measure
from hourglass.training.settings import TrainSettings
from hourglass.training.stream import OnDisk, Streamed

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

SETTINGS = TrainSettings(epochs=10, batch=64, checkpoint_seconds=0.0)


def rows(count, seed, device):
    return Batch.of(torch.randn(count, 64, generator=torch.Generator().manual_seed(seed)).to(device))


def train(variant, folder, device, settings=SETTINGS, build=None):
    folder.mkdir(exist_ok=True)
    latent = 96 if variant == "overcomplete" else 8
    model = build() if build else models.build(variant, (64,), {"latent": latent, "hidden": [256, 128]}, seed=0)
    model = model.to(device)
    fit(model, rows(2000, 0, device), rows(200, 1, device), settings, seed=3, folder=folder)
    return model


@pytest.mark.parametrize("variant", models.names())
def test_the_same_seed_gives_the_same_bits(variant, tmp_path):
    one, two = (train(variant, tmp_path / name, torch.device("cuda")).state_dict() for name in ("one", "two"))
    assert all(torch.equal(two[name], value) for name, value in one.items())


@pytest.fixture
def captured(tmp_path, monkeypatch):
    """Train after some steps by captured ones; give the weights, what epochs told, and how many were captured."""
    launched = []

    class Counted(Capture):
        def __call__(self, batch):
            launched.append(len(batch))
            super().__call__(batch)

    monkeypatch.setattr(steps, "Capture", Counted)

    def train_after(count, variant, settings=SETTINGS, build=None):
        launched.clear()
        monkeypatch.setattr(steps, "CAPTURED_AFTER", count)
        folder = tmp_path / f"{count}"
        model = train(variant, folder, torch.device("cuda"), settings, build)
        return model.state_dict(), (folder / METRICS_FILE).read_bytes(), len(launched)

    return train_after


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("variant", models.names())
def test_captured_steps_train_as_others_bit_for_bit(precision, variant, captured):
    settings = replace(SETTINGS, precision=precision)
    fast, slow = captured(3, variant, settings), captured(inf, variant, settings)
    assert all(torch.equal(fast[0][name], value) for name, value in slow[0].items())
    assert fast[1] == slow[1]
    assert fast[2] > 250
    assert slow[2] == 0


@pytest.mark.parametrize(
    "settings", [{"clip": 0.1}, {"freeze_encoder": 0.5}, {"augment": ["noise"]}, {"deterministic": False}], ids=str
)
def test_steps_are_captured_under_other_settings(settings, captured):
    settings = replace(SETTINGS, **settings)
    fast, slow = captured(3, "vae", settings), captured(inf, "vae", settings)
    assert fast[2] > 250
    if settings.deterministic:
        assert all(torch.equal(fast[0][name], value) for name, value in slow[0].items())


class Waiting(Autoencoder):
    """Looks at its numbers."""

    def losses(self, batch, context):
        terms = super().losses(batch, context)
        assert terms["reconstruction"].value.sum().item() > 0
        return terms


def test_steps_that_wait_for_the_gpu_are_taken_as_they_are_written(captured):
    def build():
        torch.manual_seed(0)
        return Waiting((64,), latent=8, hidden=[32])

    fast, slow = captured(3, "", build=build), captured(inf, "", build=build)
    assert all(torch.equal(fast[0][name], value) for name, value in slow[0].items())
    assert fast[2] == 0


@pytest.mark.parametrize("variant", models.names())
def test_a_killed_training_goes_on_to_the_same_bits(variant, tmp_path):
    whole = train(variant, tmp_path / "whole", torch.device("cuda")).state_dict()
    folder = tmp_path / "killed"
    command = [sys.executable, __file__, str(folder), variant]
    killed = subprocess.Popen(command)
    while not (folder / "checkpoint.json").exists():
        assert killed.poll() is None
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (folder / "weights.safetensors").exists()
    subprocess.run(command, check=True)
    resumed = load_file(folder / "weights.safetensors")
    assert all(torch.equal(resumed[name], value.cpu()) for name, value in whole.items())
    assert (folder / METRICS_FILE).read_bytes() == (tmp_path / "whole" / METRICS_FILE).read_bytes()


@pytest.mark.parametrize("variant", ["autoencoder", "vae", "vq_vae"])
def test_training_in_bfloat16_ends_near_that_in_float32(variant, tmp_path):
    losses = []
    for precision in ("float32", "bfloat16"):
        settings = replace(SETTINGS, precision=precision)
        model = train(variant, tmp_path / precision, torch.device("cuda"), settings)
        losses.append(measure(model, rows(200, 2, "cuda"), seed=0)["reconstruction"])
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def train_on_one_of_two(number, folder, port):
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number)}
    with devices.joined(torch.device("cuda")) as device:
        model = train("vae", folder, device)
        save_file({name: value.cpu() for name, value in model.state_dict().items()}, folder / f"{number}.safetensors")


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_what_one_trains(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(train_on_one_of_two, (tmp_path, port), nprocs=2)
    alone = train("vae", tmp_path / "alone", torch.device("cuda")).state_dict()
    first, second = (load_file(tmp_path / f"{number}.safetensors") for number in (0, 1))
    assert all(torch.equal(second[name], value) for name, value in first.items())
    assert all(torch.allclose(first[name], value.cpu(), atol=1e-4) for name, value in alone.items())


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["flip", "flip_vertical", "shift", "noise"], (3, 16, 12)),
        (["shift", "scale", "invert", "noise"], (2, 24)),
        (["noise", "swap"], (7,)),
    ],
)
def test_rows_are_augmented_where_they_lie(names, shape):
    generator = torch.Generator("cuda").manual_seed(0)
    batch = Batch.of(torch.randn(32, *shape, device="cuda"))
    assert Augment(names, [])(batch, generator).x.is_cuda


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_rows_are_corrupted_where_they_lie(name):
    generator = torch.Generator("cuda").manual_seed(0)
    corrupt, level = CORRUPTIONS[name]
    x = torch.rand(32, 2, 24, 24, device="cuda")
    assert corrupt(x, level, generator).is_cuda
    assert corrupt(x, spread_out(name, level, 6.0, x, generator), generator).is_cuda


@pytest.mark.parametrize("variant", models.names())
def test_a_gpu_measures_what_the_cpu_measures(variant, tmp_path):
    model = train(variant, tmp_path, torch.device("cuda"))
    on_gpu = measure(model, rows(200, 2, "cuda"), seed=0)
    on_cpu = measure(model.cpu(), rows(200, 2, "cpu"), seed=0)
    assert on_gpu == pytest.approx(on_cpu, rel=0.02)


def test_a_stream_of_one_window_trains_to_the_bits_of_rows_in_memory(tmp_path):
    x = torch.randn(2000, 64, generator=torch.Generator().manual_seed(0)).numpy()
    index = torch.arange(2000).numpy()
    told = torch.zeros(2000, 0).numpy()

    def read(start, stop):
        part = slice(start, stop)
        return SimpleNamespace(x=x[part], label=0 * index[part] - 1, index=index[part], condition=told[part])

    on_disk = OnDisk(2000, (64,), 0, read, lambda piece: piece, torch.device("cuda"))
    trained = []
    for name, source in {"memory": rows(2000, 0, "cuda"), "window": Streamed(on_disk, 125)}.items():
        (tmp_path / name).mkdir()
        model = models.build("vae", (64,), {"latent": 8, "hidden": [256, 128]}, seed=0).to("cuda")
        fit(model, source, rows(200, 1, "cuda"), SETTINGS, seed=3, folder=tmp_path / name)
        trained.append(model.state_dict())
    memory, window = trained
    assert all(torch.equal(window[name], value) for name, value in memory.items())


def test_the_fingerprint_names_the_gpu():
    device = devices.resolve("auto")
    assert devices.fingerprint(device, 1)["device"] == torch.cuda.get_device_name(device)


if __name__ == "__main__":  # what the test above kills
    save_file(
        train(sys.argv[2], Path(sys.argv[1]), torch.device("cuda")).state_dict(), f"{sys.argv[1]}/weights.safetensors"
    )
