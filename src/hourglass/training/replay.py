"""Operations that are recorded once and replayed without Python or autograd between them.

A step of a small net is bound by what comes between its operations: modules, the graph that autograd builds and walks,
the memory of every intermediate result. All of it is the same in every step, so it is left out: the operations
that reached the processor in one step run again in their order, on the tensors that they had then. That is what CUDA
graphs do on a GPU. The numbers are those of the step itself, bit for bit.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from hourglass.models.shared.batch import Batch
from hourglass.training.operations import Call, again, storage_of

_aten = torch.ops.aten

#: Bytes that the operations of a step may write, at most: larger steps are bound by arithmetic, and all stays in use.
LARGEST = 2**26
#: Bytes that they may copy, because the operation (a convolution, for one) has no form that writes into a given tensor.
MOST_COPIED = 2**20


class Replay:
    """A recorded step.

    Parameters
    ----------
    step : callable
        Takes a batch; what it changes lasts: parameters, buffers, other tensors that it writes into. It runs once.
    batch : Batch
        The first that it takes.
    model : Module
        Whose buffers the step may replace by new ones.

    Attributes
    ----------
    refusal : str or None
        Why the step can't be replayed.
    """

    def __init__(self, step: Callable[[Batch], None], batch: Batch, model: nn.Module) -> None:
        self._buffers = Buffers(model)
        room = batch.copied()
        with Recording() as recording:
            step(room)
        for new, buffer in self._buffers.replaced():
            recording.carry(new, buffer)
        self._buffers.bring_back()
        self.refusal = recording.refusal
        names = [field.name for field in fields(room) if field.name != "target" or room.target is not room.x]
        self._places = [(name, getattr(room, name)) for name in names if recording.reads(getattr(room, name))]
        self._operations = again(recording.calls)

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> None:
        """Take the step once more, on rows of the same number."""
        for name, place in self._places:
            place.copy_(getattr(batch, name))
        self._buffers.bring_back()
        for operation in self._operations:
            operation()


class Buffers:
    """The buffers of models, where a step may put new ones.

    Parameters
    ----------
    *models : Module
    """

    def __init__(self, *models: nn.Module) -> None:
        modules = [module for model in models for module in model.modules()]
        self._all = [(module, name, it) for module in modules for name, it in module.named_buffers(recurse=False)]

    def replaced(self) -> list[tuple[Tensor, Tensor]]:
        """Give what was put in the place of buffers, each beside the one that was there."""
        places = ((module.get_buffer(name), buffer) for module, name, buffer in self._all)
        return [(new, buffer) for new, buffer in places if new is not buffer]

    def bring_back(self) -> None:
        """Put the buffers back, with the numbers of those in their place."""
        for module, name, buffer in self._all:
            new = module._buffers[name]
            if new is not None and new is not buffer:
                buffer.copy_(new)
                setattr(module, name, buffer)


class Recording(TorchDispatchMode):
    """Notes every operation while it runs.

    Attributes
    ----------
    calls : list of Call
        Those that only name memory too.
    bytes : int
        That they write into new memory.
    refusal : str or None
        Why what was noted can't be replayed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusal: str | None = None
        self.calls: list[Call] = []
        self.bytes = self._copied = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.refusal is None:
            self._note(Call.of(func, args, kwargs, result))
        return result

    def _note(self, call: Call) -> None:
        if call.is_unrepeatable:
            self.refusal = f"{call.operation} depends on the numbers of the step"
            return
        self.calls.append(call)
        if not call.is_idle:
            self.bytes += call.bytes
            self._copied += call.bytes if call.copies else 0
            if self.bytes > LARGEST or self._copied > MOST_COPIED:
                self.refusal = f"its operations write more than {LARGEST >> 20} MiB, or copy more than a few"
                self.calls.clear()

    def carry(self, source: Tensor, target: Tensor) -> None:
        """Note that what the last step left in `source` is what the next one finds in `target`."""
        self.calls.append(Call.of(_aten.copy_.default, (target, source), {}, target))

    def reads(self, tensor: Tensor | None) -> bool:
        """Tell whether an operation reads the tensor."""
        return tensor is not None and any(storage_of(tensor) in call.read for call in self.calls if not call.is_idle)
