"""What the decoder's numbers mean: p(x | z), its mean and its negative logarithm.

A likelihood owns the map from the decoder's unbounded output to its parameters, so a decoder can always express the
data.
"""

from collections.abc import Iterator, Sequence
from math import pi, prod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hourglass.errors import HourglassError
from hourglass.models.shared.sigma import Sigma, width_for

LikelihoodName = Literal["mse", "bce", "bernoulli", "gaussian", "laplace", "categorical", "mixed"]

#: Other names that the literature has for a likelihood. The cross entropy of sigmoid outputs is taken on logits: the
#: same number, faster and finite everywhere.
ALIASES: dict[str, str] = {"bce": "bernoulli"}

#: Where the 0s and 1s of each category start and stop among a row's numbers.
Blocks = Sequence[tuple[int, int]]


class Likelihood(nn.Module):
    """p(x | z) with independent features.

    The decoder gives `per_feature` numbers for each feature, as the first non-batch dimension.
    """

    per_feature: int = 1
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
        return functional.mse_loss(self.mean(output), target, reduction="none").flatten(1).sum(1)


class Bernoulli(Likelihood):
    """Bernoulli on logits, for values in [0, 1] (Kingma & Welling 2014, appendix C.1)."""

    support = (0.0, 1.0)

    def mean(self, output: Tensor) -> Tensor:
        return output.squeeze(1).sigmoid()

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        losses: Tensor = _CrossEntropy.apply(output.squeeze(1), target)  # type: ignore[no-untyped-call]
        return losses.flatten(1).sum(1)


class _CrossEntropy(torch.autograd.Function):
    """Cross entropy of targets and the sigmoid of logits, ``max(o, 0) - o x + log(1 + exp(-|o|))``.

    `binary_cross_entropy_with_logits` takes the last part by log1p, which is exact where that part is below 1e-7 and
    takes three times as long; a tenth of a small net's step.
    """

    @staticmethod
    def forward(logits: Tensor, target: Tensor) -> Tensor:
        losses = logits.abs().neg_().exp_().add_(1).log_()
        return losses.add_(logits.clamp_min(0)).sub_(logits * target)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        logits, target = ctx.saved_tensors
        of_target = -logits * gradient if ctx.needs_input_grad[1] else None
        return (logits.sigmoid() - target) * gradient, of_target


class Centred(Likelihood):
    """A density around the mean, of the width that `sigma` names.

    Parameters
    ----------
    shape : tuple of int
        Of a row.
    sigma : Sigma
    """

    #: Of the distance from the mean, in the deviations that the width is the expectation of.
    power: ClassVar[int]

    def __init__(self, shape: tuple[int, ...], sigma: Sigma) -> None:
        super().__init__()
        self.width = width_for(sigma, shape, self.power)
        self.per_feature = self.width.per_feature

    def mean(self, output: Tensor) -> Tensor:
        return output.squeeze(1) if self.per_feature == 1 else output[:, 0]


class Gaussian(Centred):
    """Gaussian; its width is the standard deviation, held as the variance."""

    power = 2

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        squares = (self.mean(output) - target).square()
        variance: Tensor = self.width(output, squares.detach())
        return 0.5 * (squares / variance + torch.log(2 * pi * variance)).flatten(1).sum(1)


class Laplace(Centred):
    """Laplace, which forgives single large residuals; its width is the scale b, the mean distance."""

    power = 1

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        distances = (self.mean(output) - target).abs()
        scale: Tensor = self.width(output, distances.detach())
        return (distances / scale + torch.log(2 * scale)).flatten(1).sum(1)


class Categorical(Likelihood):
    """One of several values for each category: a softmax over its numbers, which side by side make up the row.

    Parameters
    ----------
    widths : list of int
        Numbers of each category.
    """

    support = (0.0, 1.0)

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.widths = widths

    def mean(self, output: Tensor) -> Tensor:
        return torch.cat([logits.softmax(1) for logits in self._logits(output)], 1)

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        log_probability = torch.cat([logits.log_softmax(1) for logits in self._logits(output)], 1)
        return -(target * log_probability).sum(1)

    def _logits(self, output: Tensor) -> tuple[Tensor, ...]:
        return torch.split(output.squeeze(1), self.widths, 1)


class Mixed(Likelihood):
    """Of a table, by column: numbers are Gaussian, categories categorical; both in nats, so neither drowns the other.

    Parameters
    ----------
    features : int
        Numbers of a row.
    blocks : sequence of (int, int)
    sigma : Sigma
        Of the numbers.
    """

    numbers: Tensor
    categories: Tensor
    order: Tensor

    def __init__(self, features: int, blocks: Blocks, sigma: Sigma) -> None:
        super().__init__()
        categories = [place for start, stop in blocks for place in range(start, stop)]
        numbers = sorted(set(range(features)) - set(categories))
        self.gaussian = Gaussian((len(numbers),), sigma)
        self.categorical = Categorical(_widths(blocks))
        self.per_feature = self.gaussian.per_feature
        for name, places in (("numbers", numbers), ("categories", categories)):
            self.register_buffer(name, torch.tensor(places), persistent=False)
        self.register_buffer("order", torch.tensor(numbers + categories).argsort(), persistent=False)

    def mean(self, output: Tensor) -> Tensor:
        numbers, categories = self._parts(output)
        return torch.cat([self.gaussian.mean(numbers), self.categorical.mean(categories)], 1)[:, self.order]

    def nll(self, output: Tensor, target: Tensor) -> Tensor:
        numbers, categories = self._parts(output)
        return self.gaussian.nll(numbers, target[:, self.numbers]) + self.categorical.nll(
            categories, target[:, self.categories]
        )

    def _parts(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return output[:, :, self.numbers], output[:, :1, self.categories]


def likelihood_for(
    name: LikelihoodName, shape: tuple[int, ...], blocks: Blocks, sigma: Sigma, *, section: str
) -> Likelihood:
    """Make the likelihood of rows.

    Parameters
    ----------
    name : str
        A name or an alias.
    shape : tuple of int
        Of a row.
    blocks : sequence of (int, int)
        Where the 0s and 1s of each category start and stop among a row's numbers.
    sigma : Sigma
        Width, for likelihoods that have one.
    section : str
        The part of ``params.yaml`` that `name` and `sigma` come from, for errors.

    Raises
    ------
    HourglassError
        The likelihood has no width to set, or is for other columns than the rows have.
    """
    for refusal in _refusals(name, prod(shape), blocks, sigma):
        raise HourglassError(f"params.yaml: {section}.{refusal}")
    match ALIASES.get(name, name):
        case "bernoulli":
            return Bernoulli()
        case "gaussian":
            return Gaussian(shape, sigma)
        case "laplace":
            return Laplace(shape, sigma)
        case "categorical":
            return Categorical(_widths(blocks))
        case "mixed":
            return Mixed(prod(shape), blocks, sigma)
    return SquaredError()


def _refusals(name: LikelihoodName, features: int, blocks: Blocks, sigma: Sigma) -> Iterator[str]:
    numbers = features - sum(_widths(blocks))
    if sigma != "optimal" and name not in ("gaussian", "laplace", "mixed"):
        yield (
            f"sigma is {sigma!r}, and likelihood {name!r} has no width; set likelihood: gaussian, laplace or mixed, or "
            "leave sigma out."
        )
    if name == "categorical" and numbers:
        yield (
            f"likelihood 'categorical' is for tables of categories alone, and {numbers} of a row's {features} numbers "
            f"belong to none; set likelihood: {'mixed' if blocks else 'gaussian'}."
        )
    if name == "mixed" and not (blocks and numbers):
        yield (
            f"likelihood 'mixed' is for tables of numbers and categories, and a row has no "
            f"{'number' if blocks else 'category'}; set likelihood: {'categorical' if blocks else 'gaussian'}."
        )


def _widths(blocks: Blocks) -> list[int]:
    return [stop - start for start, stop in blocks]
