"""What a denoising autoencoder has to undo; each row is corrupted by itself."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Corruption = Literal["gaussian", "masking", "salt_and_pepper", "additive", "drop_out"]


def gaussian(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Add normal noise of standard deviation `level`."""
    return x + level * _noise(x, generator)


def masking(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the values to 0 (Vincent et al. 2010, section 3.3)."""
    return x.masked_fill(_uniform(x, generator) < level, 0.0)


def salt_and_pepper(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the values to the least or the largest value of their row, by a fair coin."""
    low, high = (extreme.view(-1, *[1] * (x.dim() - 1)) for extreme in (x.flatten(1).amin(1), x.flatten(1).amax(1)))
    chance = _uniform(x, generator)
    return torch.where(chance < level, torch.where(chance < level / 2, low, high), x)


def additive(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Add normal noise at a signal-to-noise ratio of `level` dB, the signal being the row without its mean."""
    power = x.flatten(1).var(1, correction=0) * 10 ** (-level / 10)
    return x + power.sqrt().view(-1, *[1] * (x.dim() - 1)) * _noise(x, generator)


def drop_out(x: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Set one stretch of each row, a share `level` of its last dimension, to 0, in all channels at once."""
    length = x.shape[-1]
    width = min(max(round(level * length), 1), max(length - 1, 1))
    start = torch.randint(0, length - width + 1, (len(x), 1), generator=generator, device=x.device)
    place = torch.arange(length, device=x.device)
    lost = (place >= start) & (place < start + width)
    return x.masked_fill(lost.view(len(x), *[1] * (x.dim() - 2), length), 0.0)


#: Each corruption and the level that it has unless another is given.
CORRUPTIONS: dict[Corruption, tuple[Callable[[Tensor, float, torch.Generator], Tensor], float]] = {
    "gaussian": (gaussian, 0.2),
    "masking": (masking, 0.25),
    "salt_and_pepper": (salt_and_pepper, 0.25),
    "additive": (additive, 10.0),
    "drop_out": (drop_out, 0.25),
}
#: Those whose level is a share.
SHARES: frozenset[Corruption] = frozenset({"masking", "salt_and_pepper", "drop_out"})


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def _uniform(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
