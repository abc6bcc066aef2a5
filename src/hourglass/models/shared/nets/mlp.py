"""Nets of fully connected layers."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from hourglass.models.shared.nets.conditions import beside
from hourglass.models.shared.nets.embeddings import embeddings
from hourglass.models.shared.nets.layers import Style, through


def hourglass_widths(features: int, latent: int) -> list[int]:
    """Derive the hidden widths between a row and its code.

    The first layer is four times as wide as the row (64 to 512 units), so that small tables get room; the second is
    the geometric mean of the first and the latent width, rounded up to a multiple of eight, and no wider than the
    first.
    """
    first = min(max(4 * features, 64), 512)
    second = -(-int((first * latent) ** 0.5) // 8) * 8
    return [first, min(second, first)]


def mlp(inputs: int, hidden: Sequence[int], outputs: int, style: Style) -> list[nn.Module]:
    """List the layers from `inputs` to `outputs` numbers, the last one linear."""
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *hidden]):
        layers += [nn.Linear(before, after, bias=style.bias), *style.after(after)]
    return [*layers, nn.Linear([inputs, *hidden][-1], outputs)]


class MLPEncoder(nn.Sequential):
    """Rows of any shape, and what is known of them, to `outputs` numbers."""

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        hidden: Sequence[int],
        style: Style,
        *,
        known: int = 0,
        embedded: Sequence[tuple[int, int]] = (),
    ) -> None:
        width, front = embeddings(prod(shape) + known, embedded if hidden else ())
        super().__init__(nn.Flatten(), *front, *mlp(width, hidden, outputs, style))
        self.known = known

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Take rows of shape (batch, *shape) and conditions of shape (batch, known), None where nothing is known."""
        return through(self, beside(x.flatten(1), condition, self.known))


class MLPDecoder(nn.Sequential):
    """Codes, and what is known of their rows, to `per_feature` numbers for each feature."""

    def __init__(
        self,
        shape: Sequence[int],
        per_feature: int,
        latent: int,
        hidden: Sequence[int],
        style: Style,
        *,
        known: int = 0,
    ) -> None:
        layers = mlp(latent + known, hidden, per_feature * prod(shape), style)
        super().__init__(*layers, nn.Unflatten(1, (per_feature, *shape)))
        self.known = known

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Take codes and conditions, and give a tensor of shape (batch, per_feature, *shape)."""
        return through(self, beside(z, condition, self.known))


def critic(latent: int, hidden: Sequence[int]) -> nn.Sequential:
    """Build a net from codes of shape (batch, latent) to one number each, of shape (batch, 1)."""
    return nn.Sequential(*mlp(latent, hidden, 1, Style()))
