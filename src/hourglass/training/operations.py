"""One operation of a recorded step, and how it is run again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves, tree_map_only

_aten = torch.ops.aten

#: Operations that depend on what no replay would notice.
_UNREPEATABLE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
#: The same operations under names that write into a given tensor.
_IN_PLACE: Mapping[OpOverload, tuple[OpOverload, tuple[Any, ...]]] = {
    _aten.relu.default: (_aten.clamp_min.out, (0,)),
}
#: Of what makes a tensor; a given one has them.
_OF_TENSORS = {"dtype", "layout", "device", "pin_memory"}


class Call:
    """An operation with its tensors."""

    def __init__(self, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        self.operation, self.args, self.kwargs, self.result = operation, args, kwargs, result
        self.read = {storage_of(tensor) for tensor in tensors_in((args, kwargs))}
        self.made = {storage_of(tensor) for tensor in tensors_in(result) if not tensor.is_meta}
        self.changed = {storage_of(tensor) for tensor in tensors_in(self._written())}

    @classmethod
    def of(cls, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Self:
        """Note an operation with tensors that autograd knows nothing of."""
        bare = tree_map_only(Tensor, lambda tensor: tensor.detach(), (args, kwargs, result))
        return cls(operation, *cast("tuple[Any, Any, Any]", bare))

    def _written(self) -> list[Any]:
        """Give the arguments that it writes into."""
        arguments = self.operation._schema.arguments
        given = dict(zip((argument.name for argument in arguments), self.args, strict=False)) | self.kwargs
        written = (one.name for one in arguments if one.alias_info is not None and one.alias_info.is_write)
        return [given[name] for name in written if name in given]

    @property
    def is_unrepeatable(self) -> bool:
        """Whether other numbers would give another result than a tensor of this shape."""
        if self.operation is _aten.index.Tensor:  # which picks by a mask, or by the numbers of rows
            return any(picked.dtype in (torch.bool, torch.uint8) for picked in tensors_in(self.args[1]))
        return bool(_UNREPEATABLE.intersection(self.operation.tags))

    @property
    def is_idle(self) -> bool:
        """Whether it only names memory that another operation fills, or tells of shapes."""
        return not self.changed and self.made <= self.read

    @property
    def draws(self) -> bool:
        """Whether it takes numbers from a generator."""
        return any(isinstance(value, torch.Generator) for value in tree_leaves((self.args, self.kwargs)))

    @property
    def is_constant(self) -> bool:
        """Whether it gives the same every time: it has no inputs and draws nothing."""
        return not self.read and not self.draws

    @property
    def bytes(self) -> int:
        """What it writes into new memory."""
        return sum(tensor.nbytes for tensor in tensors_in(self.result)) if not self.changed else 0

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
        results = dict(zip(_outputs(self.writing), tensors_in(self.result), strict=True))
        return partial(self.writing, *self.args, **kwargs, **results)

    @property
    def copies(self) -> bool:
        """Whether its result comes in fresh memory and is copied to its place."""
        return not self.changed and self.operation not in _IN_PLACE and self.writing is None

    @cached_property
    def writing(self) -> OpOverload | None:
        """The form of the operation that writes into given tensors; those that torch generates only copy."""
        packet, wanted = self.operation.overloadpacket, _inputs(self.operation)
        results = len(list(tensors_in(self.result)))
        fitting = (wanted, {name: kind for name, kind in wanted.items() if name not in _OF_TENSORS})
        for other in (cast(OpOverload, getattr(packet, name)) for name in packet.overloads()):
            writes = len(_outputs(other)) == results and torch.Tag.generated not in other.tags
            if writes and _inputs(other) in fitting:
                return other
        return None

    def _and_copy(self) -> None:
        found = self.operation(*self.args, **self.kwargs)
        for place, tensor in zip(tensors_in(self.result), tensors_in(found), strict=True):
            place.copy_(tensor)


def _inputs(operation: OpOverload) -> dict[str, str]:
    """Name what an operation takes, and the types."""
    return {argument.name: str(argument.type) for argument in operation._schema.arguments if not argument.is_out}


def _outputs(operation: OpOverload) -> list[str]:
    return [argument.name for argument in operation._schema.arguments if argument.is_out]


def again(calls: Iterable[Call]) -> list[Callable[[], object]]:
    """Give what runs calls once more, but for those that only name memory and those whose result stays as it is."""
    calls = list(calls)
    written = {storage for call in calls for storage in call.changed}
    idle = (call.is_idle or (call.is_constant and call.made.isdisjoint(written)) for call in calls)
    return [call.again() for call, skipped in zip(calls, idle, strict=True) if not skipped]


def tensors_in(values: Any) -> Iterator[Tensor]:
    """Find the tensors in nested arguments."""
    return (value for value in tree_leaves(values) if isinstance(value, Tensor))


def storage_of(tensor: Tensor) -> int:
    """Name the memory that a tensor lies in."""
    return int(tensor.untyped_storage()._cdata)
