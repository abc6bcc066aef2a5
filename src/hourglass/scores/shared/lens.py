"""How images are looked at to be compared: smoothed a little, and at one contrast."""

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Standard deviation of the smoothing: a pixel, or a 28th of the shorter side where that is less.
_SIGMA, _SIDE = 1.0, 28
#: Least contrast that an image is brought up from, in times of the usual one.
_FAINTEST = 0.1


class Lens(nn.Module):
    """Smooths images by a Gaussian and divides them by their norm; leaves rows of other kinds as they are.

    A stroke that lies a pixel aside is then a small difference, and an image with much ink isn't far from all others
    for that alone. What is made of training images has their usual norm, so that units stay those of the net.

    Source: Lewis 1995, "Fast normalized cross-correlation", of comparing at one contrast.

    Parameters
    ----------
    image : sequence of int
        Channels, height and width of a row; () where rows are no images.
    """

    usual: Tensor
    kernel: Tensor

    def __init__(self, image: Sequence[int] = ()) -> None:
        super().__init__()
        self.image = tuple(image)
        self.register_buffer("usual", torch.ones(()))
        self.register_buffer("kernel", _kernel(min(_SIGMA, min(self.image[1:]) / _SIDE)) if self.image else None)

    def fit(self, x: Tensor) -> None:
        """Learn the usual norm of smoothed rows of shape (rows, numbers)."""
        if self.image:
            self.to(x.dtype)
            self.usual = self.smooth(x).square().sum(1).mean().sqrt()

    def forward(self, x: Tensor, *others: Tensor) -> list[Tensor]:
        """Look at rows, and at `others` that are differences of theirs: all of shape (rows, numbers)."""
        if not self.image:
            return [x, *others]
        smooth = self.smooth(x)
        norm = smooth.square().sum(1, keepdim=True).sqrt()
        gain = self.usual / torch.maximum(norm, _FAINTEST * self.usual).clamp(min=torch.finfo(x.dtype).tiny)
        return [gain * looked for looked in (smooth, *map(self.smooth, others))]

    def smooth(self, rows: Tensor) -> Tensor:
        """Smooth images of shape (rows, numbers), outside of which all is 0."""
        kernel, around = self.kernel, len(self.kernel) // 2
        images = rows.reshape(-1, 1, *self.image[1:])
        tall = functional.conv2d(images, kernel[None, None, :, None], padding=(around, 0))
        wide = functional.conv2d(tall, kernel[None, None, None, :], padding=(0, around))
        return wide.reshape(rows.shape)


def _kernel(sigma: float) -> Tensor:
    around = ceil(3 * sigma)
    bell = torch.exp(-0.5 * (torch.arange(-around, around + 1) / sigma).square())
    return bell / bell.sum()
