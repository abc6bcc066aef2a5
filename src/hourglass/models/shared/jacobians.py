"""The Frobenius norm of a net's Jacobian, row by row, differentiable."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import prod

import torch
from torch import Tensor
from torch.func import jvp, vjp

from hourglass.models.shared.sharing import drawn

_is_slope: ContextVar[bool] = ContextVar("is_slope", default=False)


def is_slope() -> bool:
    """Tell whether a net computes what is differentiated twice, which wants float32."""
    return _is_slope.get()


def squared_jacobian(
    function: Callable[[Tensor], Tensor], x: Tensor, generator: torch.Generator, *, probes: int
) -> Tensor:
    """Sum of the squared entries of d function(x) / dx, for each row.

    Exact where the rows or their images have no more units than there are probes: then the Jacobian is taken column by
    column or row by row. Otherwise Hutchinson's estimate, ``E |J v|^2`` over random signs v (Hutchinson 1990), without
    bias.

    Parameters
    ----------
    function : callable
        Maps rows to rows, each by itself.
    x : Tensor of shape (batch, ...)
    generator : torch.Generator
    probes : int
        Passes through the function's derivative, at most.

    Returns
    -------
    Tensor of shape (batch,)
    """
    with _slope():
        return _squared_jacobian(function, x, generator, probes)


@contextmanager
def _slope() -> Iterator[None]:
    token = _is_slope.set(True)
    try:
        yield
    finally:
        _is_slope.reset(token)


def _squared_jacobian(
    function: Callable[[Tensor], Tensor], x: Tensor, generator: torch.Generator, probes: int
) -> Tensor:
    inputs = prod(x.shape[1:])
    if inputs <= probes:
        return _forward(function, x, [_unit(x, place) for place in range(inputs)])
    image, pull, *_ = vjp(function, x)
    outputs = prod(image.shape[1:])
    if outputs <= probes:
        return torch.stack([_squares(pull(_unit(image, place))[0]) for place in range(outputs)]).sum(0)
    signs = [_signs(x, generator) for _ in range(probes)]
    return _forward(function, x, signs) / probes


def _forward(function: Callable[[Tensor], Tensor], x: Tensor, directions: list[Tensor]) -> Tensor:
    return torch.stack([_squares(jvp(function, (x,), (direction,))[1]) for direction in directions]).sum(0)


def _squares(values: Tensor) -> Tensor:
    return values.flatten(1).square().sum(1)


def _unit(like: Tensor, place: int) -> Tensor:
    unit = torch.zeros_like(like)
    unit.flatten(1)[:, place] = 1
    return unit


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    coins = drawn(partial(torch.randint, 0, 2), like.shape, generator=generator, device=like.device)
    return (2 * coins - 1).to(like.dtype)
