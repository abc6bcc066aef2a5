import subprocess
import sys
from math import ceil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import METRICS_FILE, fit, measure
from hourglass.training.settings import TrainSettings
from hourglass.training.source import Resident
from hourglass.training.stream import BLOCKS, SHARE, OnDisk, Streamed, opened

counts = st.integers(1, 60)
few = settings(max_examples=30)
SCALE = 2.0


def on_disk(x, known=0):
    rows = np.arange(len(x))
    told = (rows[:, None] % 5 * np.ones((1, known))).astype(np.float32)

    def read(start, stop):
        part = slice(start, stop)
        return SimpleNamespace(x=x[part], label=rows[part] % 3 - 1, index=rows[part], condition=told[part])

    return OnDisk(len(x), x.shape[1:], known, read, lambda rows: (rows - 1) / SCALE, torch.device("cpu"))


def numbered(rows, known=0):
    return on_disk(1 + SCALE * np.arange(rows)[:, None], known)


def whole(rows):
    return Resident(rows.load([range(rows.rows)], rows.room(rows.rows)))


def assert_same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for name in ("x", "target", "label", "index", "condition"):
            values = getattr(left, name), getattr(right, name)
            assert values == (None, None) or torch.equal(*values), name


@few
@given(rows=counts, size=counts, block=st.integers(1, 5), seed=st.integers(0, 2**32), known=st.integers(0, 2))
def test_a_shuffled_pass_has_every_row_once_in_full_batches(rows, size, block, seed, known):
    source = Streamed(numbered(rows, known), block)
    batches = list(source.shuffled(size, torch.Generator().manual_seed(seed)))
    assert (
        sorted(torch.cat([batch.index for batch in batches]).tolist()) == list(range(rows)) == list(range(len(source)))
    )
    assert [len(batch) for batch in batches] == [size] * (rows // size) + [rows % size] * (rows % size > 0)
    for batch in batches:
        assert torch.equal(batch.x[:, 0], batch.index.float()), "normalised, and together with their row"
        assert torch.equal(batch.label, batch.index % 3 - 1)
        assert batch.condition is None or torch.equal(batch.condition[:, 0], (batch.index % 5).float())
        assert (batch.condition is not None) == bool(known)
        assert batch.target is batch.x


@few
@given(rows=counts, size=counts, block=st.integers(1, 5))
def test_batches_in_order_are_those_of_rows_in_memory(rows, size, block):
    written = numbered(rows)
    assert_same(list(Streamed(written, block).in_order(size)), list(whole(written).in_order(size)))


@few
@given(rows=counts, size=counts, seed=st.integers(0, 2**32))
def test_one_window_that_holds_all_gives_the_batches_of_rows_in_memory(rows, size, seed):
    written = numbered(rows)
    passes = [
        list(source.shuffled(size, torch.Generator().manual_seed(seed)))
        for source in (Streamed(written, ceil(rows / BLOCKS)), whole(written))
    ]
    assert_same(*passes)


def test_blocks_come_in_another_order_in_every_pass_and_rows_are_mixed_within_a_window():
    source, generator = Streamed(numbered(1000), 5), torch.Generator().manual_seed(0)
    first, second = (torch.cat([batch.index for batch in source.shuffled(7, generator)]) for _ in range(2))
    assert not torch.equal(first, second)
    window = first[: 5 * BLOCKS]
    assert len((window // 5).unique()) == BLOCKS, "of so many blocks"
    assert (window.diff() == 1).float().mean() < 0.1, "mixed"
    again = torch.Generator().manual_seed(0)
    assert torch.equal(first, torch.cat([batch.index for batch in source.shuffled(7, again)]))


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "uint16", "int32", "bool"])
def test_rows_of_every_type_are_normalised_in_float64(dtype):
    x = np.random.default_rng(0).integers(0, 2, (300, 2, 3)).astype(dtype)
    rows = on_disk(x)
    found = rows.load([range(10, 20), range(200, 203)], rows.room(20))
    expected = ((x[[*range(10, 20), *range(200, 203)]].astype(np.float64) - 1) / SCALE).astype(np.float32)
    np.testing.assert_array_equal(found.x.numpy(), expected)


@pytest.mark.parametrize(("memory", "streams"), [(3 * 1000 * 20 + 3, False), (3 * 1000 * 20 - 3, True)])
def test_rows_that_take_more_than_their_share_of_the_memory_are_streamed(memory, streams):
    rows = numbered(1000)
    assert rows.row_bytes == 4 + 8 + 8
    assert isinstance(opened(rows, memory), Streamed) == streams


def test_two_windows_take_no_more_than_their_share_of_the_memory(monkeypatch):
    rooms, room = [], OnDisk.room
    monkeypatch.setattr(OnDisk, "room", lambda self, rows: rooms.append(rows) or room(self, rows))
    rows, memory = numbered(5000), 3 * 20 * 1000
    list(opened(rows, memory).in_order(100))
    assert len(rooms) == 2
    assert 0.9 * SHARE * memory < sum(rooms) * rows.row_bytes <= SHARE * memory


class KilledError(Exception):
    """Stands for whatever ends a process between two epochs."""


@pytest.mark.parametrize("variant", ["autoencoder", "vae"])
def test_a_resumed_training_on_a_stream_equals_an_uninterrupted_one_bit_for_bit(variant, tmp_path):
    draw = np.random.default_rng(0)
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    train = Streamed(on_disk(draw.normal(size=(200, 4))), 3)
    validation = Streamed(on_disk(draw.normal(size=(50, 4))), 2)
    trained = TrainSettings(epochs=5, batch=16, checkpoint_seconds=0.0)

    def training(folder, on_epoch=None):
        model = models.build(variant, (4,), {"latent": 2, "hidden": [8]}, seed=0)
        fit(model, train, validation, trained, seed=3, folder=tmp_path / folder, on_epoch=on_epoch)
        return model.state_dict()

    def kill(record):
        if record["epoch"] == 2:
            raise KilledError

    expected = training("whole")
    with pytest.raises(KilledError):
        training("resumed", kill)
    found = training("resumed")
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert (tmp_path / "resumed" / METRICS_FILE).read_bytes() == (tmp_path / "whole" / METRICS_FILE).read_bytes()


def test_training_on_one_window_equals_training_in_memory_bit_for_bit(tmp_path):
    rows = on_disk(np.random.default_rng(0).normal(size=(200, 4)))
    curves = []
    for number, source in enumerate((Streamed(rows, 20), whole(rows))):
        (folder := tmp_path / str(number)).mkdir()
        model = models.build("vae", (4,), {"latent": 2, "hidden": [8]}, seed=0)
        fit(model, source, source, TrainSettings(epochs=3, batch=16), seed=3, folder=folder)
        curves.append((folder / METRICS_FILE).read_bytes())
    assert curves[0] == curves[1]


def clusters(rows, seed):
    """Rows on a curved surface, sorted by where they lie on it: neighbours on disk are neighbours in space."""
    draw = np.random.default_rng(seed)
    place = np.sort(draw.uniform(-2, 2, rows))
    surface = np.stack([place, np.sin(2 * place), place**2, np.cos(3 * place), np.tanh(place)], axis=1)
    return 1 + SCALE * (surface + 0.1 * draw.normal(size=surface.shape))


def held_out(folder, seed, blocks, epochs):
    """Train on sorted rows in so many blocks, and measure held-out ones."""
    rows = on_disk(clusters(4000, seed))
    normalised = torch.from_numpy((clusters(1000, 100 + seed) - 1) / SCALE).float()
    model = models.build("autoencoder", (5,), {"latent": 2, "hidden": [32]}, seed=seed)
    validation = Batch.of(normalised)
    trained = TrainSettings(epochs=epochs, batch=32, lr=3e-3, patience=epochs)
    (training := folder / str(blocks)).mkdir()
    fit(model, Streamed(rows, rows.rows // blocks), validation, trained, seed=seed, folder=training)
    return measure(model, validation, seed=0)["reconstruction"]


@pytest.mark.parametrize("epochs", [3, pytest.param(30, marks=pytest.mark.long)])
def test_sorted_rows_in_a_hundred_blocks_train_as_well_as_in_one(epochs, tmp_path):
    losses = {1: [], 100: []}
    for seed in range(5):
        (folder := tmp_path / str(seed)).mkdir()
        for blocks, found in losses.items():
            found.append(held_out(folder, seed, blocks, epochs))
    differences = np.array(losses[100]) - np.array(losses[1])
    spread = np.hypot(*(np.std(found, ddof=1) / np.sqrt(5) for found in losses.values()))
    assert abs(differences.mean()) < 2 * spread


#: Trains on a folder's rows and prints what came on top of the memory after imports, in bytes; Linux tells the peak.
PEAK = """
import re, sys
from pathlib import Path
from types import SimpleNamespace
import torch
from hourglass import models
from hourglass.columns import Column
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from hourglass.training.stream import OnDisk, opened

folder, memory = Path(sys.argv[1]), int(sys.argv[2])
columns = {name: Column(sorted(folder.glob(f"{name}-*.npy"))) for name in ("x", "label", "index")}
def read(start, stop):
    return SimpleNamespace(**{name: column.read(start, stop) for name, column in columns.items()})
rows = OnDisk(len(columns["x"]), columns["x"].shape, 0, read, lambda x: (x - 1) / 2, torch.device("cpu"))

def train(source, name, epochs):
    (folder / name).mkdir()
    model = models.build("autoencoder", rows.shape, {"latent": 8, "hidden": [32]}, seed=0)
    fit(model, source, source, TrainSettings(epochs=epochs, batch=512), seed=0, folder=folder / name)

def resident(key):
    return 1024 * int(re.search(key + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

train(Batch.of(torch.zeros(600, *rows.shape)), "imports", 60)  # torch imports parts at first steps and recordings
before = resident("VmRSS")
train(opened(rows, memory), "training", 2)
print(resident("VmHWM") - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("memory", [2**26, 2**29], ids=["streamed", "resident"])
def test_training_takes_no_more_memory_than_it_is_allowed(memory, tmp_path):
    columns = {"x": np.random.default_rng(0).normal(size=(800_000, 32))}
    columns |= {"label": np.zeros(800_000, np.int64), "index": np.arange(800_000)}
    for name, values in columns.items():
        for number, part in enumerate(np.array_split(values, 3)):
            np.save(tmp_path / f"{name}-{number}.npy", part)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path, str(memory)], check=True, capture_output=True, text=True
    )
    parameters = 4 * (2 * 32 * 32 + 2 * 32 * 8 + 32 + 8 + 32 + 32)
    assert int(done.stdout) <= memory + 3 * parameters
