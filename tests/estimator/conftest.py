from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hourglass import Autoencoder


@pytest.fixture(scope="session")
def surface() -> Callable[[int, int], NDArray[np.float64]]:
    """Draw rows of six columns, each in units of its own, near a curved surface with two degrees of freedom."""
    directions = np.random.default_rng(0).normal(size=(2, 6))

    def draw(rows: int, seed: int) -> NDArray[np.float64]:
        generator = np.random.default_rng(seed)
        place = generator.uniform(-2, 2, size=(rows, 2))
        noise = 0.05 * generator.normal(size=(rows, 6))
        return (np.tanh(place @ directions) + noise) * [1, 10, 100, 1, 1, 1] + [0, 0, 5000, 0, 0, -1]

    return draw


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Arguments of an estimator that is trained in tenths of a second."""
    return {"latent": 2, "settings": {"hidden": [32]}, "epochs": 30, "batch": 32, "lr": 1e-2}


@pytest.fixture(scope="session")
def fitted(surface: Callable[[int, int], NDArray[np.float64]], quick: dict[str, Any]) -> Autoencoder:
    return Autoencoder(**quick, alpha=0.1, calibration_share=0.3).fit(surface(600, 1))
