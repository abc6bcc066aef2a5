"""How many bits nets compute with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from hourglass.models.shared.jacobians import is_slope
from hourglass.training.settings import Precision

#: Parts of a variant that compute in fewer bits; a critic is small, and its slope is differentiated once more.
_NETS = ("encoder", "decoder", "code_prior")


@contextmanager
def computing(model: nn.Module, precision: Precision) -> Iterator[None]:
    """Let encoder, decoder and prior compute in a precision, and give float32.

    In bfloat16 that is what `torch.autocast` makes of them (Micikevicius et al. 2018, "Mixed precision training"; of 8
    bits of mantissa and float32's exponents, so that no loss has to be scaled: Kalamkar et al. 2019, "A study of
    BFLOAT16 for deep learning training"). Weights, slopes that are penalised, and all that lies between nets and the
    loss, stay in float32.
    """
    names = _NETS if precision == "bfloat16" else ()
    nets = [net for name, net in model.named_children() if name in names]
    for net in nets:
        vars(net)["forward"] = _narrowed(net.forward)
    try:
        yield
    finally:
        for net in nets:
            del vars(net)["forward"]


def _narrowed(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def narrow(x: Tensor, *further: Any) -> Tensor:
        if is_slope():
            return forward(x, *further)
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
            return forward(x, *further).float()

    return narrow
