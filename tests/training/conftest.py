from collections.abc import Callable

import pytest
import torch

from hourglass.models.shared.batch import Batch


@pytest.fixture(scope="session")
def rows_of_noise() -> Callable[[int, int], Batch]:
    """Draw rows with nothing to learn in them but themselves."""

    def draw(rows: int, seed: int) -> Batch:
        return Batch.of(torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)))

    return draw
