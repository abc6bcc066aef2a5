from collections.abc import Callable

import hypothesis
import pytest
import torch

from hourglass.models.shared.batch import Batch

hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def rows_of_noise() -> Callable[[int, int], Batch]:
    """Draw rows with nothing to learn in them but themselves."""

    def draw(rows: int, seed: int) -> Batch:
        return Batch.of(torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)))

    return draw
