"""Batches of rows that lie in the device's memory."""

from collections.abc import Iterator

import torch

from hourglass.models.shared.batch import Batch


def shuffled(rows: Batch, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Yield all rows once, in a random order, in batches of `size` (the last may be smaller)."""
    order = torch.randperm(len(rows), generator=generator).to(rows.x.device)
    for which in order.split(size):
        yield rows.rows(which)


def in_order(rows: Batch, size: int) -> Iterator[Batch]:
    """Yield all rows once, as they stand, in batches of `size` (the last may be smaller)."""
    for which in torch.arange(len(rows), device=rows.x.device).split(size):
        yield rows.rows(which)
