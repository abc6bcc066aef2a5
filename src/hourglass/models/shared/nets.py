"""Encoders and decoders by the shape of the data."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from torch import nn

Activation = Literal["relu", "silu", "gelu", "tanh", "elu"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
}


def hourglass_widths(features: int, latent: int) -> list[int]:
    """Derive the hidden widths between a row and its code.

    The first layer is four times as wide as the row (64 to 512 units), so that small tables get room; the second is
    the geometric mean of the first and the latent width, rounded up to a multiple of eight.
    """
    first = min(max(4 * features, 64), 512)
    second = -(-int((first * latent) ** 0.5) // 8) * 8
    return [first, second]


def encoder_for(
    shape: Sequence[int], outputs: int, *, latent: int, hidden: list[int] | None, activation: Activation, known: int = 0
) -> nn.Sequential:
    """Build an encoder: rows of `shape` and `known` numbers beside each to `outputs` numbers, the last layer linear."""
    features = prod(shape)
    widths = hourglass_widths(features, latent) if hidden is None else hidden
    return nn.Sequential(nn.Flatten(), *_mlp([features + known, *widths, outputs], activation))


def decoder_for(
    shape: Sequence[int],
    per_feature: int,
    *,
    latent: int,
    hidden: list[int] | None,
    activation: Activation,
    known: int = 0,
) -> nn.Sequential:
    """Build the decoder that mirrors `encoder_for`: codes to ``(per_feature, *shape)`` numbers, the last linear."""
    features = prod(shape)
    widths = hourglass_widths(features, latent) if hidden is None else hidden
    layers = _mlp([latent + known, *reversed(widths), per_feature * features], activation)
    return nn.Sequential(*layers, nn.Unflatten(1, (per_feature, *shape)))


def _mlp(widths: list[int], activation: Activation) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), _ACTIVATIONS[activation]()]
    return layers[:-1]
