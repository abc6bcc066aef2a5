"""Batches whose rows several processes share, each the part of one loss, as if one process saw all rows.

A process sees its own rows only. What draws noise, takes means or compares rows with each other goes through this
module, so that the parts add up to what one process computes; in one process it changes nothing. Every process runs the
same operations in the same order, so those here meet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from hourglass.models.shared.batch import Batch


@dataclass(frozen=True)
class _Share:
    """The rows of this process, from `start` to `stop`, out of so many."""

    start: int
    stop: int
    rows: int


_share: ContextVar[_Share | None] = ContextVar("share", default=None)


def processes() -> int:
    """Count the processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def number() -> int:
    """Give this process's number among those, from 0."""
    return distributed.get_rank() if processes() > 1 else 0


def wait() -> None:
    """Wait for the other processes to come here."""
    if processes() > 1:
        distributed.barrier()


@contextmanager
def shared(batch: Batch) -> Iterator[Batch]:
    """Give this process's rows of a batch; all, as to every process, where there are fewer rows than processes."""
    count, rows = processes(), len(batch)
    if count == 1 or rows < count:
        yield batch
        return
    start, stop = (rank * rows // count for rank in (number(), number() + 1))
    token = _share.set(_Share(start, stop, rows))
    try:
        yield batch.part(start, stop)
    finally:
        _share.reset(token)


def is_repeated() -> bool:
    """Tell whether another process counts the rows of this batch."""
    return _share.get() is None and number() > 0


def rows_of_all(rows: int) -> int:
    """Count the rows of all processes, given those of this one."""
    share = _share.get()
    return rows if share is None else share.rows


def drawn(draw: Callable[..., Tensor], shape: Sequence[int], **options: Any) -> Tensor:
    """Draw noise for each row: what one process would draw for all of them, and of that the part of this one.

    Parameters
    ----------
    draw : callable
        ``torch.randn`` or another that takes a shape.
    shape : sequence of int
        Of the noise for this process's rows; several noises for a row lie one after the other.
    **options
        For `draw`, a generator among them.
    """
    share = _share.get()
    if share is None:
        return draw(shape, **options)
    each = shape[0] // (share.stop - share.start)
    return draw((each * share.rows, *shape[1:]), **options)[each * share.start : each * share.stop]


def whole(values: Tensor) -> Tensor:
    """Put the rows of all processes together, differentiably: from shape (own rows, ...) to (all rows, ...)."""
    share = _share.get()
    if share is None:
        return values
    before, after = (values.new_zeros((rows, *values.shape[1:])) for rows in (share.start, share.rows - share.stop))
    return _added(torch.cat([before, values, after]))


def own(values: Tensor) -> Tensor:
    """Take this process's rows out of those of all: what undoes `whole`."""
    share = _share.get()
    return values if share is None else values[share.start : share.stop]


def averaged(mean: Tensor) -> Tensor:
    """Turn a mean over this process's rows into that over all, differentiably."""
    share = _share.get()
    return mean if share is None else _added(mean * ((share.stop - share.start) / share.rows))


@torch.no_grad()
def add_up(values: Sequence[Tensor]) -> None:
    """Replace tensors by their sums over all processes, at one go; what is repeated is no sum."""
    if _share.get() is None or not values:
        return
    flat = torch.cat([value.flatten() for value in values])
    distributed.all_reduce(flat)
    for value, part in zip(values, torch.split(flat, [value.numel() for value in values]), strict=True):
        value.copy_(part.view_as(value))


def totals(values: Tensor) -> Tensor:
    """Give the sums of numbers over all processes, outside of any batch."""
    if processes() > 1:
        distributed.all_reduce(values)
    return values


def _added(values: Tensor) -> Tensor:
    added: Tensor = _Added.apply(values)  # type: ignore[no-untyped-call]
    return added


class _Added(torch.autograd.Function):
    """A sum over all processes; the loss of each depends on it, so its gradient is a sum, too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004
        added = values.byte() if values.dtype == torch.bool else values.clone()
        distributed.all_reduce(added)
        return added.to(values.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(gradient)
        return gradient
