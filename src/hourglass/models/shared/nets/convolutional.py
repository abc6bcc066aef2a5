"""Nets that shrink and widen the space that rows lie in: images (height and width) and signals (length).

Strided convolutions (Radford, Metz & Chintala 2016, "Unsupervised representation learning with deep convolutional
generative adversarial networks") without its batch normalisation by rule; optionally with a residual block for each
(He et al. 2016, "Identity mappings in deep residual networks").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod

import torch
from torch import Tensor, nn

from hourglass.models.shared.nets.conditions import Planes, beside
from hourglass.models.shared.nets.layers import Style, through

_CONVOLUTIONS: dict[int, type[nn.Conv1d | nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}
_TRANSPOSED: dict[int, type[nn.ConvTranspose1d | nn.ConvTranspose2d]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
#: Steps from one place of a stage's result to the next: signals are long, and shrink faster (Donahue, McAuley &
#: Puckette 2019, "Adversarial audio synthesis", section 3.2).
_STRIDES = {1: 4, 2: 2}
#: The longest side that needs no further stage.
_COARSE = {1: 16, 2: 8}
_WIDEST = 256


@dataclass(frozen=True)
class Frame:
    """How a convolution sees rows: so many channels over a space, height and width or a length.

    Parameters
    ----------
    shape : tuple of int
        Shape of a row; one without a dimension for channels has one channel.
    dims : int
        Dimensions of the space: 1 or 2.
    residual : bool
        Whether each stage has a residual block.
    """

    shape: tuple[int, ...]
    dims: int
    residual: bool = False

    @property
    def channels(self) -> int:
        return self.shape[0] if len(self.shape) > self.dims else 1

    @property
    def space(self) -> tuple[int, ...]:
        return self.shape[-self.dims :]

    def spaces(self, stages: int) -> list[tuple[int, ...]]:
        """List the space and what each stage leaves of it, rounded up."""
        spaces = [self.space]
        for _ in range(stages):
            spaces.append(tuple(ceil(side / _STRIDES[self.dims]) for side in spaces[-1]))
        return spaces

    @property
    def most_stages(self) -> int:
        """Stages after which no side is longer than 1."""
        return next(stages for stages in range(64) if max(self.spaces(stages)[-1]) == 1)


def derived_channels(frame: Frame) -> list[int]:
    """Derive the channels of each stage: 32, then twice as many each time up to a bound, until the space is coarse."""
    count = next(stages for stages in range(1, 64) if max(frame.spaces(stages)[-1]) <= _COARSE[frame.dims])
    return [min(32 * 2**stage, _WIDEST) for stage in range(count)]


class ConvolutionalEncoder(nn.Sequential):
    """Rows to `outputs` numbers: a stage for each entry of `hidden` shrinks the space, and a linear layer ends it.

    What is known of rows comes in as further channels.
    """

    def __init__(
        self,
        frame: Frame,
        outputs: int,
        hidden: Sequence[int],
        style: Style,
        planes: Planes,
    ) -> None:
        channels = [frame.channels + planes.channels, *hidden]
        stages = [layer for pair in pairwise(channels) for layer in _down(*pair, frame, style)]
        flat = hidden[-1] * prod(frame.spaces(len(hidden))[-1])
        super().__init__(*stages, nn.Flatten(), nn.Linear(flat, outputs))
        self.frame, self.planes = frame, planes

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Take rows of shape (batch, *shape) and conditions of shape (batch, known), None where nothing is known."""
        x = x.reshape(x.shape[0], self.frame.channels, *self.frame.space)
        return through(self, torch.cat([x, self.planes(condition, x)], 1) if self.planes.channels else x)


class ConvolutionalDecoder(nn.Module):
    """Codes to `per_feature` numbers for each feature, the mirror image of `ConvolutionalEncoder`.

    Numbers that are known of a row stand beside its code. An image that is known is brought down stage by stage and
    joined wherever the decoder has the same size, so that fine detail need not pass the code (Isola et al. 2017,
    "Image-to-image translation with conditional adversarial networks", section 3.2.1).

    The kernels of the transposed convolutions are a multiple of the stride, so that all places get equally many
    contributions (Odena, Dumoulin & Olah 2016, "Deconvolution and checkerboard artifacts"); what they give too much
    of an odd side is cut off.
    """

    def __init__(
        self,
        frame: Frame,
        per_feature: int,
        latent: int,
        hidden: Sequence[int],
        style: Style,
        planes: Planes,
    ) -> None:
        super().__init__()
        self.outputs = (per_feature, *frame.shape)
        self.known = 0 if planes.image else planes.known
        self.pyramid = _Pyramid(planes, frame, hidden, style) if planes.image else None
        *spaces, coarsest = frame.spaces(len(hidden))
        widths = [per_feature * frame.channels, *hidden]
        told = 1 if self.pyramid is None else 2
        self.start = nn.Sequential(
            nn.Linear(latent + self.known, hidden[-1] * prod(coarsest)), nn.Unflatten(1, (hidden[-1], *coarsest))
        )
        self.stages = nn.ModuleList(
            _up(told * widths[place + 1], widths[place], spaces[place], frame, style)
            for place in reversed(range(len(hidden)))
        )

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Take codes and conditions, and give a tensor of shape (batch, per_feature, *shape)."""
        features: Tensor = self.start(beside(z, condition, self.known))
        if self.pyramid is None:
            features = through(self.stages, features)
        else:
            for stage, told in zip(self.stages, self.pyramid(condition, z), strict=True):
                features = stage(torch.cat([features, told], 1))
        return features.reshape(z.shape[0], *self.outputs)


class _Pyramid(nn.Module):
    """An image that is known of rows, as features of each size of the decoder, the coarsest first."""

    def __init__(self, planes: Planes, frame: Frame, hidden: Sequence[int], style: Style) -> None:
        super().__init__()
        self.planes = planes
        self.stages = nn.ModuleList(
            nn.Sequential(*_down(*pair, frame, style)) for pair in pairwise([planes.channels, *hidden])
        )

    def forward(self, condition: Tensor | None, like: Tensor) -> list[Tensor]:
        features = self.planes(condition, like)
        found = []
        for stage in self.stages:
            features = stage(features)
            found.append(features)
        return found[::-1]


class _Residual(nn.Module):
    """``x + f(x)`` with a normalisation and a non-linearity before each of the two convolutions of f."""

    def __init__(self, channels: int, dims: int, style: Style) -> None:
        super().__init__()
        layers = []
        for _ in range(2):
            layers += [*style.after(channels), _CONVOLUTIONS[dims](channels, channels, 3, padding=1, bias=style.bias)]
        self.change = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.change(x)
        return changed


class _Cut(nn.Module):
    """Cuts off what a widened side has too much."""

    def __init__(self, space: Sequence[int]) -> None:
        super().__init__()
        self.space = tuple(space)

    def forward(self, x: Tensor) -> Tensor:
        for dim, side in enumerate(self.space, start=2):
            x = x.narrow(dim, 0, side)
        return x


def _down(inputs: int, outputs: int, frame: Frame, style: Style) -> list[nn.Module]:
    """List the layers of a stage that shrinks the space."""
    stride = _STRIDES[frame.dims]
    shrink = _CONVOLUTIONS[frame.dims](
        inputs, outputs, 2 * stride - 1, stride=stride, padding=stride - 1, bias=style.bias
    )
    return [shrink, *_residual(outputs, frame, style), *style.after(outputs)]


def _up(inputs: int, outputs: int, space: tuple[int, ...], frame: Frame, style: Style) -> nn.Sequential:
    """Make the layers that widen a space to `space`, the last of them linear."""
    stride, bias = _STRIDES[frame.dims], style.bias or space == frame.space
    widen = _TRANSPOSED[frame.dims](inputs, outputs, 2 * stride, stride=stride, padding=stride // 2, bias=bias)
    return nn.Sequential(*_residual(inputs, frame, style), *style.after(inputs), widen, _Cut(space))


def _residual(channels: int, frame: Frame, style: Style) -> list[nn.Module]:
    return [_Residual(channels, frame.dims, style)] if frame.residual else []
