from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

SHAPE = (2, 3)


@pytest.fixture(scope="session")
def surface() -> Callable[[int, int], Tensor]:
    """Draw rows near a curved surface with two degrees of freedom, inside (0, 1)."""
    directions = 2 * torch.randn(2, 6, generator=torch.Generator().manual_seed(0))

    def draw(rows: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        place = 2 * torch.rand(rows, 2, generator=generator) - 1
        noise = 0.05 * torch.randn(rows, 6, generator=generator)
        return (place @ directions + noise).sigmoid().unflatten(1, SHAPE)

    return draw


#: One variant of each kind: a code, a posterior, phases, a condition, courses.
_KINDS = {"autoencoder", "vae", "adversarial", "cvae", "vq_vae"}
_VARIANTS = [pytest.param(name, marks=() if name in _KINDS else pytest.mark.long) for name in models.names()]


#: A small Transformer says as much in less time.
_SMALL = {"vq_vae": {"entries": 64, "width": 16, "layers": 1}}


@pytest.fixture(scope="session", params=_VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    """Name each variant in turn, so that a new file in the registry is held to the whole contract."""
    return request.param


@pytest.fixture(scope="session")
def width(variant: str) -> int:
    """Width of the code: narrower than a row, but where the variant wants it wider; even where it is cut."""
    return {"overcomplete": 12, "vq_vae": 4}.get(variant, 3)


@pytest.fixture(scope="session")
def build(variant: str, width: int) -> Callable[..., Variant]:
    def build(*, seed: int = 0, **settings: object) -> Variant:
        return models.build(
            variant, SHAPE, {"latent": width, "hidden": [32]} | _SMALL.get(variant, {}) | settings, seed=seed, known=2
        )

    return build


@dataclass(frozen=True)
class Trained:
    model: Variant
    untrained: Variant
    unseen: Tensor


@pytest.fixture(scope="session")
def trained(build: Callable[..., Variant], surface: Callable, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    model, settings = build(), TrainSettings(epochs=100, batch=32, lr=1e-2)
    folder: Path = tmp_path_factory.mktemp("trained")
    fit(model, Batch.of(surface(256, 1)), Batch.of(surface(64, 2)), settings, seed=0, folder=folder)
    return Trained(model.eval(), build().eval(), surface(200, 3))
