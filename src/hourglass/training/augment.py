"""Rows as they might have been, too: training sees each a little changed, and differently every time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Self

import torch
from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.training.settings import Augmentation

#: Share of a side or of the length that rows are shifted by, at most: 4 of 32 pixels (He et al. 2016, "Deep residual
#: learning for image recognition", section 4.2).
_SHIFT = 1 / 8
#: Standard deviation of noise, where the normalised rows have 1 (Bishop 1995, "Training with noise is equivalent to
#: Tikhonov regularization").
_NOISE = 0.1
#: Share of values that come from another row (Bahri et al. 2022, "SCARF", section 3).
_SWAPPED = 0.1
#: A row is made louder or softer by so many dB at most.
_GAIN = 6.0

_IMAGES, _SIGNALS, _TABLES = 3, 2, 1
_WORDS = {
    _IMAGES: "images (channels, height, width)",
    _SIGNALS: "signals and sound (channels, length)",
    _TABLES: "tables",
}
#: Rows of how many dimensions an augmentation is for.
_FITTING: dict[Augmentation, tuple[int, ...]] = {
    "flip": (_IMAGES,),
    "flip_vertical": (_IMAGES,),
    "shift": (_IMAGES, _SIGNALS),
    "scale": (_SIGNALS,),
    "invert": (_SIGNALS,),
    "noise": (_IMAGES, _SIGNALS, _TABLES),
    "swap": (_TABLES,),
    "binarise": (_IMAGES,),
}
#: Those that give values which no row had.
_NEW_VALUES = frozenset({"scale", "invert", "noise"})
#: Those that move what is in a row, so that an array beside it would have to move, too.
_MOVING = frozenset({"flip", "flip_vertical", "shift"})


Blocks = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Augment:
    """Changes rows, and so what shall become of them, in the order of the names.

    Parameters
    ----------
    names : sequence of str
    categories : sequence of (int, int)
        Where the 0s and 1s of each category start and stop among a row's numbers.
    """

    names: Sequence[Augmentation]
    categories: Blocks

    @classmethod
    def of(cls, names: Sequence[Augmentation], model: Variant) -> Self:
        """Choose augmentations for the rows of a model.

        Raises
        ------
        HourglassError
            One is for rows of another kind, gives values that the likelihood can't have or draws 0s and 1s for another
            one than of these, or moves rows that an array beside them belongs to.
        """
        for name in names:
            if len(model.shape) not in _FITTING[name]:
                kinds = " or ".join(_WORDS[dims] for dims in _FITTING[name])
                fitting = ", ".join(other for other, dims in _FITTING.items() if len(model.shape) in dims)
                raise HourglassError(
                    f"params.yaml: train.augment names {name!r}, which is for {kinds}; these rows have the shape "
                    f"{model.shape}. Take it out{f', or take of {fitting}' if fitting else ''}."
                )
            if name in _NEW_VALUES and isfinite(model.likelihood.support[1]):
                raise HourglassError(
                    f"params.yaml: train.augment names {name!r}, which gives values that the variant's likelihood "
                    "can't have; take it out, or set another likelihood."
                )
            if name == "binarise" and model.likelihood.support != (0.0, 1.0):
                raise HourglassError(
                    "params.yaml: train.augment names 'binarise', which takes pixels for probabilities of 0s and 1s; "
                    "take it out, or set likelihood: bernoulli."
                )
            if name in _MOVING and model.known_shape:
                raise HourglassError(
                    f"params.yaml: train.augment names {name!r}, which would move a row and not the array of "
                    "data.condition that belongs to it; take it out."
                )
        return cls(tuple(names), model.categories)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Give changed rows; the batch itself stays."""
        x = batch.x
        for name in self.names:
            x = _CHANGES[name](x, self.categories, generator)
        return batch if x is batch.x else batch.with_rows(x)


def _flip(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Mirror one half of the rows, left for right."""
    return torch.where(_coins(x, generator), x.flip(-1), x)


def _flip_vertical(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Mirror one half of the rows, top for bottom."""
    return torch.where(_coins(x, generator), x.flip(-2), x)


def _shift(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Move each row along each of its sides, and put 0 where it was."""
    for dim in range(2, x.dim()):
        side = x.shape[dim]
        most = max(1, round(_SHIFT * side))
        steps = torch.randint(-most, most + 1, (len(x),), generator=generator, device=x.device)
        source = torch.arange(side, device=x.device) - steps[:, None]
        form = [len(x), *[1] * (dim - 1), side, *[1] * (x.dim() - dim - 1)]
        moved = x.gather(dim, source.clamp(0, side - 1).view(form).expand_as(x))
        x = moved.masked_fill(((source < 0) | (source >= side)).view(form), 0.0)
    return x


def _scale(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Make each row louder or softer."""
    return x * 10 ** (_GAIN / 20 * (2 * _chance(x, generator) - 1))


def _invert(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Change the sign of one half of the rows."""
    return torch.where(_coins(x, generator), -x, x)


def _noise(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Add normal noise to numbers; the 0s and 1s of categories stay."""
    noise = _NOISE * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    for start, stop in categories:
        noise[:, start:stop] = 0.0
    return x + noise


def _swap(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Take single values from another row of the batch, a category as a whole."""
    column = torch.arange(x.shape[1], device=x.device)
    for start, stop in categories:
        column[start:stop] = start
    others = x[torch.randperm(len(x), generator=generator, device=x.device)]
    swapped = torch.rand(x.shape, generator=generator, device=x.device) < _SWAPPED
    return torch.where(swapped[:, column], others, x)


def _binarise(x: Tensor, categories: Blocks, generator: torch.Generator) -> Tensor:
    """Draw pixels of 0 and 1 whose probabilities are the pixels (Burda, Grosse & Salakhutdinov 2016, section 5)."""
    return (torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype) < x).to(x.dtype)


_CHANGES: dict[Augmentation, Callable[[Tensor, Blocks, torch.Generator], Tensor]] = {
    "flip": _flip,
    "flip_vertical": _flip_vertical,
    "shift": _shift,
    "scale": _scale,
    "invert": _invert,
    "noise": _noise,
    "swap": _swap,
    "binarise": _binarise,
}


def _chance(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a number from 0 to 1 for each row."""
    drawn = torch.rand(len(x), generator=generator, device=x.device, dtype=x.dtype)
    return drawn.view(-1, *[1] * (x.dim() - 1))


def _coins(x: Tensor, generator: torch.Generator) -> Tensor:
    return _chance(x, generator) < 0.5
