"""Categories as a few numbers each."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def embedding_width(values: int) -> int:
    """Numbers that stand for a category of so many values: ``min(600, round(1.6 values^0.56))``.

    The rule of fastai's tabular models (Howard & Gugger 2020, "fastai: a layered API for deep learning").
    """
    width: float = 1.6 * values**0.56
    return min(600, round(width))


def embeddings(features: int, blocks: Sequence[tuple[int, int]]) -> tuple[int, list[nn.Module]]:
    """Make what embeds blocks of `features` numbers, if there are any, and tell what is left to do.

    Returns
    -------
    width : int
        Numbers that come out.
    front : list of Module
        One module or none.
    """
    if not blocks:
        return features, []
    front = Embeddings(features, blocks)
    return front.width, [front]


class Embeddings(nn.Module):
    """Replaces each block of 0s and 1s by its embedding, and leaves the other numbers where they are between them.

    A product with the block looks a category's row up, and also serves rows that are no longer 0 and 1: noisy ones, and
    those that gradients are taken by.

    Parameters
    ----------
    features : int
        Numbers of a row.
    blocks : sequence of (int, int)
        Where each category starts and stops, in order.
    """

    def __init__(self, features: int, blocks: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.blocks = [(start, stop) for start, stop in blocks]
        self.tables = nn.ModuleList(
            nn.Linear(stop - start, embedding_width(stop - start), bias=False) for start, stop in self.blocks
        )
        embedded = sum(embedding_width(stop - start) - (stop - start) for start, stop in self.blocks)
        self.width = features + embedded

    def forward(self, x: Tensor) -> Tensor:
        parts, place = [], 0
        for (start, stop), table in zip(self.blocks, self.tables, strict=True):
            parts += [x[:, place:start], table(x[:, start:stop])]
            place = stop
        return torch.cat([*parts, x[:, place:]], 1)
