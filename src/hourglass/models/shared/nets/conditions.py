"""What is known of a row, where nets can take it up."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor
from torch.nn import functional


def beside(numbers: Tensor, condition: Tensor | None, known: int) -> Tensor:
    """Put what is known of rows beside numbers of shape (batch, n), or zeros for None."""
    if not known:
        return numbers
    return torch.cat([numbers, _or_zeros(condition, numbers, known)], 1)


def as_image(known_shape: Sequence[int], space: Sequence[int]) -> tuple[int, ...]:
    """Read the shape of an array as (channels, *space) for rows that lie in `space`; empty where it is none such."""
    if len(known_shape) == len(space):
        return (1, *known_shape)
    return tuple(known_shape) if len(known_shape) == len(space) + 1 else ()


class Planes:
    """Lays what is known of rows out as channels over their space.

    Of an array, its own channels, brought to the rows' size, and one for the flag behind it; else a constant channel
    for each number.

    Parameters
    ----------
    known : int
        Numbers that are known of a row.
    known_shape : sequence of int
        Shape of the array that they are, a flag behind it; empty where they are none.
    space : sequence of int
        Height and width of a row, or its length.
    """

    def __init__(self, known: int, known_shape: Sequence[int], space: Sequence[int]) -> None:
        self.known, self.space = known, tuple(space)
        self.image = as_image(known_shape, space)
        self.channels = self.image[0] + 1 if self.image else known

    def __call__(self, condition: Tensor | None, like: Tensor) -> Tensor:
        """Give a tensor of shape (batch, channels, *space) for conditions of shape (batch, known), None: zeros."""
        condition = _or_zeros(condition, like, self.known)
        if not self.image:
            return self._constant(condition)
        image = condition[:, : prod(self.image)].reshape(-1, *self.image)
        if self.image[1:] != self.space:
            mode = "linear" if len(self.space) == 1 else "bilinear"
            image = functional.interpolate(image, self.space, mode=mode, align_corners=False)
        return torch.cat([image, self._constant(condition[:, -1:])], 1)

    def _constant(self, numbers: Tensor) -> Tensor:
        return numbers.view(*numbers.shape, *(1 for _ in self.space)).expand(*numbers.shape, *self.space)


def _or_zeros(condition: Tensor | None, like: Tensor, known: int) -> Tensor:
    return like.new_zeros(like.shape[0], known) if condition is None else condition
