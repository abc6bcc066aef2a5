"""A step on a GPU, captured once as a CUDA graph and then launched whole.

A GPU is faster than the Python that asks it for one operation after the other. A graph holds all operations of a step,
which the GPU runs without being asked again, on the tensors that they had when they were captured (Nguyen et al. 2021,
"Accelerating PyTorch with CUDA graphs").
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from hourglass.models.shared.batch import Batch
from hourglass.training.operations import storage_of, tensors_in
from hourglass.training.replay import Buffers

#: What torch warns of where an operation waits for the GPU, when it is asked to; it also warns that it was asked.
_WAITED = "called a synchronizing CUDA operation"


class Capture:
    """A captured step.

    Parameters
    ----------
    step : callable
        Takes a batch; what it changes lasts: parameters, buffers, other tensors that it writes into. It counts once,
        though its Python runs twice.
    batch : Batch
        The first that it takes, on a GPU.
    model : Module
        Whose buffers the step may replace by new ones.
    generators : iterable of torch.Generator
        That it draws from.

    Attributes
    ----------
    refusal : str or None
        Why the step can't be captured.
    """

    def __init__(
        self, step: Callable[[Batch], None], batch: Batch, model: nn.Module, generators: Iterable[torch.Generator]
    ) -> None:
        room = batch.copied()
        self._buffers = Buffers(model)
        with _Rehearsal() as rehearsal:
            step(room)
            self._buffers.bring_back()
        self.refusal = rehearsal.refusal
        if self.refusal is not None:
            return
        names = [field.name for field in fields(room) if field.name != "target" or room.target is not room.x]
        self._places = [(name, getattr(room, name)) for name in names if rehearsal.reads(getattr(room, name))]
        self._graph = torch.cuda.CUDAGraph()
        for generator in generators:
            self._graph.register_generator_state(generator)
        # other threads may copy rows meanwhile
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            step(room)
            self._buffers.bring_back()

    @torch.no_grad()
    def __call__(self, batch: Batch) -> None:
        """Take the step once more, on rows of the same number."""
        for name, place in self._places:
            place.copy_(getattr(batch, name))
        self._buffers.bring_back()
        self._graph.replay()


class _Rehearsal(TorchDispatchMode):
    """Tells whether a step could be captured, and what it reads, while it is taken.

    Attributes
    ----------
    refusal : str or None
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusal: str | None = None
        self._read: set[int] = set()
        self._warned = warnings.catch_warnings(record=True)

    def __enter__(self) -> "_Rehearsal":
        self._heard = self._warned.__enter__()
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        super().__enter__()
        return self

    def __exit__(self, *wrong: Any) -> None:
        super().__exit__(*wrong)
        torch.cuda.set_sync_debug_mode("default")
        self._warned.__exit__(*wrong)
        if any(_WAITED in str(one.message) for one in self._heard or ()):
            self.refusal = "it waits for numbers from the GPU"

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._read.update(storage_of(tensor) for tensor in tensors_in((args, kwargs)))
        return func(*args, **(kwargs or {}))

    def reads(self, tensor: torch.Tensor | None) -> bool:
        """Tell whether an operation had the tensor."""
        return tensor is not None and storage_of(tensor) in self._read
