"""How wide p(x | z) is around its mean, and where the width comes from.

A width is held as the expected deviation of a feature from its mean: of squares (power 2) the variance, of distances
(power 1) the scale of a Laplace. That is also its optimum, so all kinds serve both.
"""

from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from hourglass.models.shared.sharing import averaged
from hourglass.settings import Setting

Sigma = (
    Literal["optimal", "per_feature", "learned", "predicted"]
    | Annotated[float, Setting("the width itself", gt=0, le=100_000)]
)

_LEAST_VARIANCE = 1e-6
#: Share of each batch in the running mean of the deviations, after the first hundred.
_RATE = 0.01


def bounded_logvar(logvar: Tensor, limit: float = 14.0) -> Tensor:
    """Bound a log-variance smoothly to (-limit, limit) in fp32; near 0 it is the identity."""
    return limit * torch.tanh(logvar.float() / limit)


class Width(nn.Module):
    """Gives the expected deviation of features from their means."""

    #: Numbers that the decoder gives for each feature, the mean first.
    per_feature: ClassVar[int] = 1

    def forward(self, output: Tensor, deviations: Tensor) -> Tensor:
        """Give expected deviations that broadcast to (batch, *shape).

        Parameters
        ----------
        output : Tensor of shape (batch, per_feature, *shape)
            Of the decoder.
        deviations : Tensor of shape (batch, *shape)
            Of this batch, without gradient.
        """
        raise NotImplementedError


class Fixed(Width):
    """A number that somebody chose."""

    value: Tensor

    def __init__(self, sigma: float, power: int) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(sigma**power), persistent=False)

    def forward(self, output: Tensor, deviations: Tensor) -> Tensor:
        return self.value


class Optimal(Width):
    """The mean deviation, where the likelihood is greatest (optimal sigma-VAE).

    Rybkin, Daniilidis & Levine 2021, section 3. In training it follows the batches as a running mean, each loss by the
    width before it. The first batch has its own: a sharper start would blow up the first gradients, and Adam takes
    thousands of steps to forget that.

    Parameters
    ----------
    shape : tuple of int
        Of a row, for a width of each feature; () for one that all share.
    power : {1, 2}
    """

    value: Tensor
    batches: Tensor

    def __init__(self, shape: tuple[int, ...], power: int) -> None:
        super().__init__()
        self.least = _LEAST_VARIANCE ** (power / 2)
        self.register_buffer("value", torch.ones(shape))
        self.register_buffer("batches", torch.tensor(0.0))

    def forward(self, output: Tensor, deviations: Tensor) -> Tensor:
        if not self.training:
            return self.value.clamp_min(self.least)
        mean = averaged(deviations.mean(0) if self.value.ndim else deviations.mean())
        before = torch.where(self.batches > 0, self.value, mean)
        self.batches = self.batches + 1
        self.value = self.value.lerp(mean, (1 / self.batches).clamp_min(_RATE))
        return before.clamp_min(self.least)


class Learned(Width):
    """A parameter that all features share (Rybkin, Daniilidis & Levine 2021, section 3).

    It starts at 1: after a sharper start the first gradients are huge, Adam remembers them, and the width hardly moves.
    """

    def __init__(self, power: int) -> None:
        super().__init__()
        self.power = power
        self.logvar = nn.Parameter(torch.zeros(()))

    def forward(self, output: Tensor, deviations: Tensor) -> Tensor:
        return (self.power / 2 * bounded_logvar(self.logvar)).exp()


class Predicted(Width):
    """Of each row and feature, by the decoder (Kingma & Welling 2014, appendix C.2)."""

    per_feature = 2

    def __init__(self, power: int) -> None:
        super().__init__()
        self.power = power

    def forward(self, output: Tensor, deviations: Tensor) -> Tensor:
        return (self.power / 2 * bounded_logvar(output[:, 1])).exp()


def width_for(sigma: Sigma, shape: tuple[int, ...], power: int) -> Width:
    """Make the width that `sigma` names, for rows of `shape` and deviations of a power."""
    match sigma:
        case "optimal":
            return Optimal((), power)
        case "per_feature":
            return Optimal(shape, power)
        case "learned":
            return Learned(power)
        case "predicted":
            return Predicted(power)
    return Fixed(sigma, power)
