"""Encoders and decoders by the shape of the data, whatever the variant."""

from hourglass.models.shared.nets.layers import Activation, Normalisation, Style, running_statistics
from hourglass.models.shared.nets.mlp import critic
from hourglass.models.shared.nets.plan import NetName, Plan

__all__ = ["Activation", "NetName", "Normalisation", "Plan", "Style", "critic", "running_statistics"]
