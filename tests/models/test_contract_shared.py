"""What every variant of the registry promises where several processes train it together."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, multiprocessing

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.settings import TrainSettings

PROCESSES = 2
SMALL = {"latent": 4, "hidden": [16]}
#: Settings whose losses, nets or widths look at several rows at once, beside what variants do by themselves.
SETTINGS: dict[str, tuple[str, dict[str, object]]] = {name: (name, {}) for name in models.names()} | {
    "free bits": ("vae", {"free_bits": 0.5}),
    "a width per feature": ("vae", {"likelihood": "gaussian", "sigma": "per_feature"}),
    "batch normalisation": ("autoencoder", {"normalisation": "batch"}),
    "sparse by the kl": ("sparse", {"sparsity": "kl"}),
    "noise of every level": ("denoising", {"spread": 6.0}),
    "babble": ("denoising", {"corruption": "babble"}),
    "all penalties": ("overcomplete", {"sparsity": 0.1, "contraction": 0.1}),
    "two codebooks": ("vq_vae", {"quantiser": "residual"}),
}
#: One of each way to depend on other rows; the rest takes some ten seconds more.
KINDS = ("vae", "vq_vae", "batch normalisation")
#: The last batch of an epoch has a row for one of the processes alone.
TRAINING = TrainSettings(epochs=3, batch=16, lr=1e-3, clip=10.0, augment=["swap"], checkpoint_seconds=0.0)
ROWS = 3 * 16 + 1
#: What a softmax takes away again has no gradient but rounding, which Adam makes steps of.
IDLE = {
    "vq_vae": {"code_prior.blocks.0.projection.bias"},
    "two codebooks": {"code_prior.blocks.0.projection.bias"},
}
#: What a normalisation takes away again, too; its running mean lags behind, so these steps would show in validation.
HELD = {"batch normalisation": "encoder.4.bias"}


def rows(count: int, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 2, generator=generator) @ torch.randn(2, 8, generator=torch.Generator().manual_seed(9))
    return replace(Batch.of(x.tanh()), condition=x[:, :2].sign())


def train(name: str, folder: Path) -> None:
    variant, settings = SETTINGS[name]
    widths = {"overcomplete": {"latent": 12}, "vq_vae": {"entries": 16, "width": 8, "layers": 1}}.get(variant, {})
    model = models.build(variant, (8,), SMALL | widths | settings, seed=0, known=2)
    if name in HELD:
        model.get_parameter(HELD[name]).requires_grad_(False)
    folder.mkdir(parents=True, exist_ok=True)
    fit(model, rows(ROWS, 1), rows(31, 2), TRAINING, seed=0, folder=folder)
    number = distributed.get_rank() if distributed.is_initialized() else 0
    save_file(model.state_dict(), folder / f"{number}.safetensors")


def train_all(number: int, folder: Path, names: list[str]) -> None:
    """Train under some settings, as one of several processes."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=number, world_size=PROCESSES)
    for name in names:
        train(name, folder / name)
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train by two processes under all settings that tests ask for, and give where the results are."""
    folder = tmp_path_factory.mktemp("together")
    calls = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    names = [call.params["name"] for call in calls if call is not None]
    multiprocessing.spawn(train_all, (folder, names), nprocs=PROCESSES)
    return folder


@pytest.fixture
def alone(tmp_path: Path) -> Callable[[str], Path]:
    def train_alone(name: str) -> Path:
        train(name, tmp_path)
        return tmp_path

    return train_alone


def numbers(folder: Path) -> list[Mapping[str, float]]:
    lines = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    return [line[part] for line in lines for part in ("train", "validation")]


def largest_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor], idle: set[str]) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one.keys() - idle)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in KINDS else pytest.mark.long) for name in SETTINGS]
)
def test_processes_that_share_batches_train_as_one(name: str, together: Path, alone: Callable[[str], Path]) -> None:
    folder = alone(name)
    weights = [load_file(together / name / f"{number}.safetensors") for number in range(PROCESSES)]
    assert all(torch.equal(weights[1][key], value) for key, value in weights[0].items())
    assert largest_difference(load_file(folder / "0.safetensors"), weights[0], IDLE.get(name, set())) <= 5e-5
    for mine, theirs in zip(numbers(folder), numbers(together / name), strict=True):
        assert theirs == pytest.approx(mine, rel=1e-4, abs=1e-5)
