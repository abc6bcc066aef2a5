"""What the decoder's numbers mean: p(x | z), its mean and its negative logarithm.

A likelihood owns the map from the decoder's unbounded output to its parameters, so a decoder can always express the
data.
"""

from math import pi
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

LikelihoodName = Literal["mse", "bernoulli", "gaussian"]

#: A sharp start: with a width of 1 the KL outweighs the reconstruction at first, and latent units may die (Lucas et al.
#: 2019, "Don't blame the ELBO!").
_INITIAL_VARIANCE = 0.02
_LEAST_VARIANCE = 1e-6
#: Share of each batch in the running mean of the squared residual.
_WIDTH_RATE = 0.01


class Likelihood(nn.Module):
    """p(x | z) with independent features.

    The decoder gives `per_feature` numbers for each feature, as the first non-batch dimension.
    """

    per_feature: ClassVar[int] = 1
    #: Values that the likelihood can produce.
    support: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))

    def mean(self, output: Tensor) -> Tensor:
        """Give the expected value of x: shape (batch, *shape)."""
        raise NotImplementedError

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        """Negative log-likelihood, summed over features: shape (batch,), in nats unless stated otherwise."""
        raise NotImplementedError


class SquaredError(Likelihood):
    """Plain squared error, ``sum((x - mean)^2)``: a Gaussian of fixed width up to scale and constant; not in nats."""

    def mean(self, output: Tensor) -> Tensor:
        return output.squeeze(1)

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        return (self.mean(output) - target).square().flatten(1).sum(1)


class Bernoulli(Likelihood):
    """Bernoulli on logits, for values in [0, 1] (Kingma & Welling 2014, appendix C.1)."""

    support = (0.0, 1.0)

    def mean(self, output: Tensor) -> Tensor:
        return output.squeeze(1).sigmoid()

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        losses = functional.binary_cross_entropy_with_logits(output.squeeze(1), target, reduction="none")
        return losses.flatten(1).sum(1)


class Gaussian(Likelihood):
    """Gaussian with one width for all features, its optimum: the mean squared residual (optimal sigma-VAE).

    Rybkin, Daniilidis & Levine 2021, section 3. In training the width follows the batches as a running mean, each loss
    by the width before it; a gradient would need more steps than a training has, for a sharp start blows it up and Adam
    remembers that.
    """

    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("variance", torch.tensor(_INITIAL_VARIANCE))

    def mean(self, output: Tensor) -> Tensor:
        return output.squeeze(1)

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        squares = (self.mean(output) - target).square()
        variance = self.variance.clamp_min(_LEAST_VARIANCE)
        if self.training:
            self.variance = self.variance.lerp(squares.detach().mean(), _WIDTH_RATE)
        return 0.5 * (squares / variance + torch.log(2 * pi * variance)).flatten(1).sum(1)


LIKELIHOODS: dict[LikelihoodName, type[Likelihood]] = {
    "mse": SquaredError,
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
}


def bounded_logvar(logvar: Tensor, limit: float = 14.0) -> Tensor:
    """Bound a log-variance smoothly to (-limit, limit) in fp32; near 0 it is the identity."""
    return limit * torch.tanh(logvar.float() / limit)
