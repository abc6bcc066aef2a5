"""Distributions of codes, as maps from standard normal noise, so that an exported graph can draw from them."""

from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from hourglass.models.shared.sharing import drawn

PriorName = Literal["gaussian", "mixture", "uniform"]

#: How far the components of the mixture lie from the origin, and their standard deviation.
_DISTANCE, _WIDTH = 2.0, 0.5


class Prior(nn.Module):
    """A distribution of codes.

    Parameters
    ----------
    latent : int
        Width of a code.
    noise : int, optional
        Numbers of noise that a code is made from; as many as its units unless given.
    """

    #: What it is, for readers of a report.
    words: str

    def __init__(self, latent: int, noise: int | None = None) -> None:
        super().__init__()
        self.latent = latent
        self.noise = latent if noise is None else noise

    def forward(self, noise: Tensor) -> Tensor:
        """Turn noise of shape (rows, noise) into codes of shape (rows, latent)."""
        raise NotImplementedError

    def draw(self, rows: int, generator: torch.Generator) -> Tensor:
        """Draw codes, of shape (rows, latent), on the generator's device."""
        noise = drawn(torch.randn, (rows, self.noise), generator=generator, device=generator.device)
        codes: Tensor = self(noise)
        return codes


class Gaussian(Prior):
    """N(0, 1) in each unit."""

    words = "the prior that training pulls codes towards, N(0, 1) in each unit"

    def forward(self, noise: Tensor) -> Tensor:
        return noise


class Uniform(Prior):
    """Uniform on a cube of unit variance."""

    words = "the prior that training pulls codes towards, uniform on a cube"

    def forward(self, noise: Tensor) -> Tensor:
        return sqrt(3) * torch.erf(noise / sqrt(2))


class Mixture(Prior):
    """Equal parts of normals, two on each axis, one on each side (after Makhzani et al. 2016, figure 2).

    The first number of the noise chooses the component.
    """

    words = "the prior that training pulls codes towards, a mixture with two normals on each axis"

    centres: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__(latent, latent + 1)
        axes = torch.eye(latent)
        self.register_buffer("centres", _DISTANCE * torch.cat([axes, -axes]), persistent=False)

    def forward(self, noise: Tensor) -> Tensor:
        share = 0.5 * (1 + torch.erf(noise[:, 0] / sqrt(2)))
        component = (share * len(self.centres)).long().clamp(0, len(self.centres) - 1)
        return self.centres[component] + _WIDTH * noise[:, 1:]


class Fitted(Prior):
    """A Gaussian with the mean and the covariance of given codes, for variants that pull codes nowhere.

    Parameters
    ----------
    codes : Tensor of shape (rows, latent)
    """

    words = "a Gaussian fitted to the codes of the training rows, for this variant has no prior of its own"

    mean: Tensor
    factor: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__(codes.shape[1])
        codes = codes.double()
        values, vectors = torch.linalg.eigh(codes.T.cov().view(self.latent, self.latent))
        self.register_buffer("mean", codes.mean(0).float())
        self.register_buffer("factor", (vectors * values.clamp_min(0).sqrt()).float())

    def forward(self, noise: Tensor) -> Tensor:
        return self.mean + noise @ self.factor.T


PRIORS: dict[PriorName, type[Prior]] = {"gaussian": Gaussian, "mixture": Mixture, "uniform": Uniform}
