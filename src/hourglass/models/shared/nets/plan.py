"""Which net fits rows of a shape."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

from torch import nn

from hourglass.errors import HourglassError
from hourglass.models.shared.nets.conditions import Planes
from hourglass.models.shared.nets.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    Frame,
    derived_channels,
)
from hourglass.models.shared.nets.layers import Style
from hourglass.models.shared.nets.mlp import MLPDecoder, MLPEncoder, hourglass_widths

NetName = Literal["auto", "mlp", "convolutional", "residual", "temporal"]

#: Pixels from which an image is large, and steps from which a signal is long (docs/adr/0020).
_LARGE_IMAGE = 32 * 32
_LONG_SIGNAL = 128
#: A signal is at least so many times as long as it has channels; an image's sides differ by half of that at most.
_ELONGATED = 4
_MOST_COLOURS = 4
_SHORTEST_SIDE, _SHORTEST_SIGNAL = 8, 16


@dataclass(frozen=True)
class Plan:
    """The nets of one variant: an encoder and the decoder that mirrors it.

    Parameters
    ----------
    shape : tuple of int
        Shape of a row.
    latent : int
        Width of the code.
    net : str
        Kind of the nets; auto: by `fitting`, but an MLP where widths are given, which mean other things to others.
    hidden : sequence of int or None
        Widths of the encoder's hidden layers, or channels of its stages; None: derived from the row and the latent.
        Without any, every kind of net is a linear layer.
    decoder_hidden : sequence of int or None
        Those of the decoder, from the code to the row; None: the encoder's mirrored.
    style : Style
    known, known_shape
        What encoder and decoder are told of a row, as in `Variant`.
    embedded : sequence of (int, int)
        Where the categories to embed lie among a row's numbers, as in `Variant`.
    section : str
        Name of the settings' section, for messages.

    Raises
    ------
    HourglassError
        The net doesn't fit the row.
    """

    shape: tuple[int, ...]
    latent: int
    net: NetName = "auto"
    hidden: Sequence[int] | None = None
    decoder_hidden: Sequence[int] | None = None
    style: Style = field(default_factory=Style)
    known: int = 0
    known_shape: tuple[int, ...] = ()
    embedded: Sequence[tuple[int, int]] = ()
    section: str = "variant"

    def encoder(self, outputs: int) -> nn.Module:
        """Build the net from rows and what is known of them to `outputs` numbers; its last layer is linear."""
        frame = self._frame()
        hidden = self._widths(frame)
        if frame is None or not hidden:
            return MLPEncoder(self.shape, outputs, hidden, self.style, known=self.known, embedded=self.embedded)
        _require_room(frame, hidden, f"{self.section}.hidden")
        return ConvolutionalEncoder(frame, outputs, hidden, self.style, self._planes(frame))

    def decoder(self, per_feature: int) -> nn.Module:
        """Build the net from codes and what is known to ``(per_feature, *shape)`` numbers; its last layer is linear."""
        frame = self._frame()
        hidden = self._widths(frame) if self.decoder_hidden is None else self.decoder_hidden[::-1]
        if frame is None or not hidden:
            return MLPDecoder(self.shape, per_feature, self.latent, hidden[::-1], self.style, known=self.known)
        _require_room(frame, hidden, f"{self.section}.decoder_hidden")
        return ConvolutionalDecoder(frame, per_feature, self.latent, hidden, self.style, self._planes(frame))

    def _frame(self) -> Frame | None:
        """Tell how convolutions see the rows; None: there are none."""
        net = self.net
        if net == "auto":
            net = "mlp" if self.hidden or self.decoder_hidden else fitting(self.shape)
        if net == "mlp":
            return None
        frame = Frame(self.shape, 1 if net == "temporal" else 2, residual=net == "residual")
        _require_fit(frame, f"{self.section}.net", net)
        return frame

    def _widths(self, frame: Frame | None) -> Sequence[int]:
        if self.hidden is not None:
            return self.hidden
        return hourglass_widths(prod(self.shape), self.latent) if frame is None else derived_channels(frame)

    def _planes(self, frame: Frame) -> Planes:
        return Planes(self.known, self.known_shape, frame.space)


def fitting(shape: tuple[int, ...]) -> NetName:
    """Tell which net serves rows of a shape.

    An MLP for numbers without order, and for small images and short signals, where it learns more in the same time;
    convolutions over height and width for large images, over the length for long signals. An array of two dimensions is
    a signal of several channels where it is much longer than wide, an image where it is about square, and otherwise
    left to an MLP, which assumes nothing.
    """
    if len(shape) == 3:
        image = shape[0] <= _MOST_COLOURS
        return "convolutional" if image and _is_large(shape[1:]) else "mlp"
    if len(shape) == 2:
        if shape[1] >= max(_LONG_SIGNAL, _ELONGATED * shape[0]):
            return "temporal"
        if 2 * max(shape) <= _ELONGATED * min(shape) and _is_large(shape):
            return "convolutional"
    return "mlp"


def _is_large(space: tuple[int, ...]) -> bool:
    return min(space) >= _SHORTEST_SIDE and prod(space) >= _LARGE_IMAGE


def _require_fit(frame: Frame, setting: str, net: NetName) -> None:
    signal = frame.dims == 1
    shortest = _SHORTEST_SIGNAL if signal else _SHORTEST_SIDE
    if len(frame.shape) in (frame.dims, frame.dims + 1) and min(frame.space) >= shortest:
        return
    wanted = "([channels,] length)" if signal else "([channels,] height, width)"
    raise HourglassError(
        f"params.yaml: {setting} {net!r} needs rows of shape {wanted}, at least {shortest} along each side; these are "
        f"{frame.shape}. Set auto or mlp."
    )


def _require_room(frame: Frame, hidden: Sequence[int], setting: str) -> None:
    if len(hidden) > frame.most_stages:
        raise HourglassError(
            f"params.yaml: {setting} lists {len(hidden)} stages, each of which shrinks the row; rows of "
            f"{' x '.join(map(str, frame.space))} have room for {frame.most_stages}; list fewer."
        )
