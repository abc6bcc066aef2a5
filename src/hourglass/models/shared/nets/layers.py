"""What follows a hidden layer: a normalisation and a non-linearity."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hourglass.models.shared.running import FEW
from hourglass.models.shared.sharing import averaged, rows_of_all

Activation = Literal["relu", "silu", "gelu", "tanh", "elu"]
Normalisation = Literal["none", "batch", "layer", "group"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
}
#: Channels in a group, about (Wu & He 2018, "Group normalization", table 3).
_GROUP = 16
#: Share of a batch in the running statistics.
_RATE = 0.1
_EPSILON = 1e-5


@dataclass(frozen=True)
class Style:
    """What hidden layers have in common."""

    activation: Activation = "silu"
    normalisation: Normalisation = "none"

    @property
    def bias(self) -> bool:
        """Whether a layer before `after` needs a bias; batch normalisation takes any constant away again."""
        return self.normalisation != "batch"

    def after(self, channels: int) -> list[nn.Module]:
        """Make what follows a hidden layer of so many units or channels."""
        return [*self._normalisation(channels), _ACTIVATIONS[self.activation]()]

    def _normalisation(self, channels: int) -> list[nn.Module]:
        match self.normalisation:
            case "none":
                return []
            case "batch":
                return [BatchNorm(channels)]
            case "layer":
                return [nn.GroupNorm(1, channels)]
            case "group":
                return [nn.GroupNorm(gcd(channels, max(channels // _GROUP, 1)), channels)]


def through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Pass `x` through one layer after the other."""
    for layer in layers:
        x = layer(x)
    return x


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) of inputs of shape (batch, channels, ...).

    In evaluation it uses running statistics alone, so that a row's result doesn't depend on its neighbours. So it does
    in training for a batch of a few rows.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return self._in_training(x) if self.training else self._normalised(x, of_batch=False)

    def _in_training(self, x: Tensor) -> Tensor:
        rows = rows_of_all(len(x))  # not asked for in evaluation: an exported graph would take so many rows alone
        if rows >= FEW and rows > len(x):
            return self._by_all(x.float(), rows)
        return self._normalised(x, of_batch=rows >= FEW)

    def _normalised(self, x: Tensor, *, of_batch: bool) -> Tensor:
        return functional.batch_norm(x, self.mean, self.variance, self.weight, self.bias, of_batch, _RATE, _EPSILON)

    def _by_all(self, x: Tensor, rows: int) -> Tensor:
        """Normalise by the statistics of the rows of all processes, of which these are a part."""
        dims, form = (0, *range(2, x.dim())), (-1, *[1] * (x.dim() - 2))
        mean = averaged(x.mean(dims))
        centred = x - mean.view(form)
        variance = averaged(centred.square().mean(dims))
        count = rows * x[0, 0].numel()
        with torch.no_grad():
            self.mean.lerp_(mean, _RATE)
            self.variance.lerp_(variance * (count / (count - 1)), _RATE)
        scale = self.weight * (variance + _EPSILON).rsqrt()
        return centred * scale.view(form) + self.bias.view(form)


@contextmanager
def running_statistics(net: nn.Module) -> Iterator[None]:
    """Let batch normalisations use and keep their running statistics, so that each row is by itself in training too."""
    layers = [layer for layer in net.modules() if isinstance(layer, BatchNorm) and layer.training]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()
