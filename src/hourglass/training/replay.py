"""Operations that are recorded once and replayed without Python or autograd between them.

A step of a small net is bound by what comes between its operations: modules, the graph that autograd builds and walks,
the memory of every intermediate result. All of it is the same in every step, so it is left out: the operations
that reached the processor in one step run again in their order, on the tensors that they had then. That is what CUDA
graphs do on a GPU. The numbers are those of the step itself, bit for bit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from hourglass.models.shared.batch import Batch

_aten = torch.ops.aten

#: Bytes that the operations of a step may write, at most: larger steps are bound by arithmetic, and all stays in use.
LARGEST = 2**26
#: Bytes that they may copy, because the operation (a convolution, for one) has no form that writes into a given tensor.
MOST_COPIED = 2**20
#: Operations that depend on what no replay would notice.
_UNREPEATABLE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
#: The same operations under names that write into a given tensor.
_IN_PLACE: Mapping[OpOverload, tuple[OpOverload, tuple[Any, ...]]] = {
    _aten.relu.default: (_aten.clamp_min.out, (0,)),
}
#: Of what makes a tensor; a given one has them.
_OF_TENSORS = {"dtype", "layout", "device", "pin_memory"}


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
        self._buffers = [
            (module, name, buffer) for module in model.modules() for name, buffer in module.named_buffers(recurse=False)
        ]
        room = batch.copied()
        with _Recording() as recording:
            step(room)
        for module, name, buffer in self._buffers:
            if module.get_buffer(name) is not buffer:
                recording.carry(module.get_buffer(name), buffer)
                setattr(module, name, buffer)
        self.refusal = recording.refusal
        names = [field.name for field in fields(room) if field.name != "target" or room.target is not room.x]
        self._places = [(name, getattr(room, name)) for name in names if recording.reads(getattr(room, name))]
        self._operations = recording.operations()

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> None:
        """Take the step once more, on rows of the same number."""
        for name, place in self._places:
            place.copy_(getattr(batch, name))
        for module, name, buffer in self._buffers:
            if module._buffers[name] is not buffer:
                buffer.copy_(module.get_buffer(name))
                setattr(module, name, buffer)
        for operation in self._operations:
            operation()


class _Recording(TorchDispatchMode):
    """Notes every operation while it runs.

    Attributes
    ----------
    refusal : str or None
        Why what was noted can't be replayed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusal: str | None = None
        self._calls: list[_Call] = []
        self._bytes = self._copied = 0
        #: Keeps tensors alive, so that no other takes their place in memory.
        self._tensors: list[Any] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.refusal is None:
            self._note(_Call.of(func, args, kwargs, result))
            self._tensors.append((args, kwargs, result))
        return result

    def _note(self, call: "_Call") -> None:
        if call.is_unrepeatable:
            self.refusal = f"{call.operation} depends on the numbers of the step"
        elif not call.is_idle:
            self._calls.append(call)
            self._bytes += call.bytes
            self._copied += call.bytes if call.copies else 0
            if self._bytes > LARGEST or self._copied > MOST_COPIED:
                self.refusal = f"its operations write more than {LARGEST >> 20} MiB, or copy more than a few"
                self._calls.clear()
                self._tensors.clear()

    def carry(self, source: Tensor, target: Tensor) -> None:
        """Note that what the last step left in `source` is what the next one finds in `target`."""
        target.copy_(source)
        self._calls.append(_Call.of(_aten.copy_.default, (target, source), {}, target))

    def reads(self, tensor: Tensor | None) -> bool:
        """Tell whether an operation reads the tensor."""
        return tensor is not None and any(_storage(tensor) in call.read for call in self._calls)

    def operations(self) -> list[Callable[[], object]]:
        """Give what runs all that was noted once more."""
        written = {storage for call in self._calls for storage in call.changed}
        lasting = (call for call in self._calls if not (call.is_constant and call.made.isdisjoint(written)))
        return [call.again() for call in lasting]


class _Call:
    """An operation with its tensors."""

    def __init__(self, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        self.operation, self.args, self.kwargs, self.result = operation, args, kwargs, result
        self.read = {_storage(tensor) for tensor in _tensors((args, kwargs))}
        self.made = {_storage(tensor) for tensor in _tensors(result)}
        self.changed = self.read if operation._schema.is_mutable else set[int]()

    @classmethod
    def of(cls, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> "_Call":
        """Note an operation with tensors that autograd knows nothing of."""
        bare = tree_map_only(Tensor, lambda tensor: tensor.detach(), (args, kwargs, result))
        return cls(operation, *cast("tuple[Any, Any, Any]", bare))

    @property
    def is_unrepeatable(self) -> bool:
        """Whether other numbers would give another result than a tensor of this shape."""
        if self.operation is _aten.index.Tensor:  # which picks by a mask, or by the numbers of rows
            return any(picked.dtype in (torch.bool, torch.uint8) for picked in _tensors(self.args[1]))
        return bool(_UNREPEATABLE.intersection(self.operation.tags))

    @property
    def is_idle(self) -> bool:
        """Whether it only names memory that another operation fills, or tells of shapes."""
        return not self.changed and self.made <= self.read

    @property
    def is_constant(self) -> bool:
        """Whether it gives the same every time: it has no inputs and draws nothing."""
        values = tree_leaves((self.args, self.kwargs))
        return not self.read and not any(isinstance(value, torch.Generator) for value in values)

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in _tensors(self.result)) if not self.changed else 0

    def again(self) -> Callable[[], object]:
        """Give what runs it on the same tensors, and leaves its result in the same place."""
        if self.changed:
            return partial(self.operation, *self.args, **self.kwargs)
        if self.operation in _IN_PLACE:
            operation, further = _IN_PLACE[self.operation]
            return partial(operation, *self.args, *further, out=self.result)
        if self.writing is None:
            return self._and_copy
        known = _inputs(self.writing)
        kwargs = {name: value for name, value in self.kwargs.items() if name in known}
        results = dict(zip(_outputs(self.writing), _tensors(self.result), strict=True))
        return partial(self.writing, *self.args, **kwargs, **results)

    @property
    def copies(self) -> bool:
        """Whether its result comes in fresh memory and is copied to its place."""
        return not self.changed and self.operation not in _IN_PLACE and self.writing is None

    @cached_property
    def writing(self) -> OpOverload | None:
        """The form of the operation that writes into given tensors; those that torch generates only copy."""
        packet, wanted = self.operation.overloadpacket, _inputs(self.operation)
        results = len(list(_tensors(self.result)))
        fitting = (wanted, {name: kind for name, kind in wanted.items() if name not in _OF_TENSORS})
        for other in (cast(OpOverload, getattr(packet, name)) for name in packet.overloads()):
            writes = len(_outputs(other)) == results and torch.Tag.generated not in other.tags
            if writes and _inputs(other) in fitting:
                return other
        return None

    def _and_copy(self) -> None:
        found = self.operation(*self.args, **self.kwargs)
        for place, tensor in zip(_tensors(self.result), _tensors(found), strict=True):
            place.copy_(tensor)


def _inputs(operation: OpOverload) -> dict[str, str]:
    """Name what an operation takes, and the types."""
    return {argument.name: str(argument.type) for argument in operation._schema.arguments if not argument.is_out}


def _outputs(operation: OpOverload) -> list[str]:
    return [argument.name for argument in operation._schema.arguments if argument.is_out]


def _tensors(values: Any) -> Iterator[Tensor]:
    return (value for value in tree_leaves(values) if isinstance(value, Tensor))


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
