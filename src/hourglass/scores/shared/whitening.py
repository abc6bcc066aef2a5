"""Numbers made uncorrelated and of unit variance, each as near as can be to the one it comes from."""

from typing import Self

import torch
from torch import Tensor, nn

#: Directions with a variance of their own, and rows that these are found by, at most; other directions share one.
_DIRECTIONS, _ROWS = 256, 2_000
#: Numbers that the directions may take: 4 MiB of float32.
_NUMBERS = 2**20
#: Least standard deviation of a number, in times of the root mean square of all.
_FLOOR = 0.02


class Whitening(nn.Module):
    """Divides by standard deviations, then multiplies by the inverse root of the correlations.

    The squares of what comes out sum to the squared Mahalanobis distance. Of all whitenings, this one (ZCA-cor) leaves
    each number nearest to its own, so its square is that number's part in the distance.

    Correlations are shrunk towards none, by as much as their own uncertainty tells. Of rows wider than 256 numbers the
    leading directions are kept; the others are taken to share their mean variance.

    Sources: Kessy, Lewin & Strimmer 2018, "Optimal whitening and decorrelation"; Garthwaite & Koch 2016, "Evaluating
    the contributions of individual variables to a quadratic form"; Ledoit & Wolf 2004, "A well-conditioned estimator
    for large-dimensional covariance matrices"; Tipping & Bishop 1999, "Probabilistic principal component analysis".
    """

    offset: Tensor
    scale: Tensor
    directions: Tensor
    gain: Tensor
    rest: Tensor

    @classmethod
    def fit(cls, rows: Tensor) -> Self:
        """Learn from rows of shape (rows, numbers), in float64."""
        given, self = rows.double(), cls()
        offset = given.mean(0)
        variance = (given - offset).square().mean(0)
        typical = variance.mean().sqrt()
        scale = variance.sqrt().clamp(min=_FLOOR * float(typical) or 1.0)
        variances, directions, rest = _spectrum((given - offset) / scale)
        for name, value in {
            "offset": offset,
            "scale": scale,
            "directions": directions,
            "gain": variances.rsqrt() - rest.rsqrt(),
            "rest": rest.rsqrt(),
        }.items():
            self.register_buffer(name, value.to(rows.dtype))
        return self

    def forward(self, rows: Tensor) -> Tensor:
        """Whiten rows of shape (rows, numbers)."""
        standard = (rows - self.offset) / self.scale
        return self.rest * standard + (standard @ self.directions * self.gain) @ self.directions.T


def _spectrum(standard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the leading directions of standardised rows, the variances along them, and that along all others."""
    count, numbers = standard.shape
    if count > _ROWS and numbers > _DIRECTIONS:
        chosen = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:_ROWS]
        standard, count = standard[chosen], _ROWS
    total = standard.square().sum() / count
    kept = min(numbers, _DIRECTIONS, max(1, _NUMBERS // numbers))
    if numbers <= count:
        values, vectors = torch.linalg.eigh(standard.T @ standard / count)
        directions = vectors.flip(1)[:, :kept]
    else:
        values, vectors = torch.linalg.eigh(standard @ standard.T / count)
        kept = min(kept, int((values > 1e-9 * values[-1]).sum()))
        lengths = (values * count).flip(0)[:kept].sqrt()
        directions = standard.T @ vectors.flip(1)[:, :kept] / lengths
    variances = values.flip(0)[:kept].clamp(min=0)
    shrinkage, mean = _shrinkage(standard, values.square().sum(), total / numbers), total / numbers
    others = numbers - kept
    rest = (total - variances.sum()).clamp(min=0) / others if others else mean  # of none: what cancels least
    shrunk = (1 - shrinkage) * torch.cat([variances, rest[None]]) + shrinkage * mean
    shrunk = shrunk.clamp(min=1e-6)
    return shrunk[:-1], directions, shrunk[-1]


def _shrinkage(standard: Tensor, squares: Tensor, mean: Tensor) -> Tensor:
    """Say how far to go from the covariance, of which the sum of squares is known, to `mean` times the identity."""
    count, numbers = standard.shape
    uncertain = (standard.square().sum(1).square().mean() - squares) / count
    distance = squares - numbers * mean.square()
    return torch.where(distance > 0, uncertain / distance, 1.0).clamp(0, 1)
