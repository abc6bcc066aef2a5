"""Recorded operations of one net, done for several nets of its kind at once.

Tensors of all nets lie in one, whose first dimension counts the nets: a matrix product becomes a batched one, and what
works element by element becomes one call instead of many. How an operation is lifted over that dimension is known to
`torch.vmap`. Each is tried while it is lifted: where it doesn't give each net the bits that the net's own operation
gives, it is done net by net.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch._ops import OpOverload
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from hourglass.training.operations import Call, storage_of, tensors_in
from hourglass.training.replay import Recording

_aten = torch.ops.aten
#: What makes a leap of a difference in the last bit, should one be left: codebooks choose the nearest entry by it.
_CHOICES = {_aten.argmin.default}

#: Processors take so many numbers of a tensor at once, or fewer.
_WHOLE = 16
#: Where a tensor lies: two that agree in it are the same numbers.
Place = tuple[int, int, tuple[int, ...], tuple[int, ...], torch.dtype]


def place_of(tensor: Tensor) -> Place:
    """Tell where a tensor lies."""
    return storage_of(tensor), int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride(), tensor.dtype


class NotLiftedError(Exception):
    """An operation can't be done for several nets at once."""


class Lifting:
    """Does recorded operations for all nets, and notes what that took.

    Parameters
    ----------
    nets : int
    stacks : mapping of Place to Tensor of shape (nets, ...)
        By where a tensor of the recorded net lies, those of all nets; what else is read, all nets share.
    generators : mapping of int to sequence of Generator
        By the address of a generator of the recorded net, those of all nets.

    Attributes
    ----------
    calls : list of Call
    """

    def __init__(
        self, nets: int, stacks: Mapping[Place, Tensor], generators: Mapping[int, Sequence[torch.Generator]]
    ) -> None:
        self.nets = nets
        self.calls: list[Call] = []
        self._stacks = dict(stacks)
        self._generators = generators
        self._known = {place[0] for place in stacks}
        self._written: set[int] = set()

    def run(self, calls: Sequence[Call]) -> None:
        """Do what one net did, and note it.

        Raises
        ------
        NotLiftedError
            An operation can't be lifted; some have been done.
        """
        self._written = {storage for call in calls for storage in call.changed}
        for call in calls:
            self._lift(call)

    def carry(self, source: Tensor, target: Tensor) -> None:
        """Note that what a step of one net left in `source` is what the next finds in `target`."""
        if source is not target:
            self._lift(Call.of(_aten.copy_.default, (target, source), {}, target))

    def stack_of(self, tensor: Tensor) -> Tensor | None:
        """Give the tensors of all nets in the place of one; None where they share it.

        Raises
        ------
        NotLiftedError
            It is a part of memory of which another part is known.
        """
        stack = self._stacks.get(place_of(tensor))
        if stack is None and storage_of(tensor) in self._known:
            raise NotLiftedError("a tensor is a part of another that no operation made")
        return stack

    def _lift(self, call: Call) -> None:
        if call.is_idle and not call.made:  # it only tells of shapes
            return
        if call.operation in _CHOICES:
            raise NotLiftedError(f"{call.operation} chooses, and the last bit may decide")
        stacks = [self.stack_of(tensor) for tensor in tensors_in((call.args, call.kwargs))]
        shared = all(stack is None for stack in stacks)
        if shared and not call.draws and call.made.isdisjoint(self._written):
            self.calls.append(call)
            return
        if not call.changed <= self._known:
            raise NotLiftedError(f"{call.operation} changes what the nets share")
        if call.changed and not call.made <= call.read:
            raise NotLiftedError(f"{call.operation} both changes tensors and makes others")
        lifted = _Lifted(call, stacks, self.nets, self._generators)
        calls, results = lifted.view() if call.is_idle else lifted.best()
        self.calls += calls
        for tensor, result in zip(tensors_in(call.result), results, strict=not call.changed):
            self._stacks.setdefault(place_of(tensor), result)
            self._known.add(storage_of(tensor))


class _Lifted:
    """One operation, lifted.

    Parameters
    ----------
    call : Call
        Of one net.
    stacks : sequence of Tensor or None
        For each tensor among its arguments those of all nets; None where they share it.
    nets : int
    generators : mapping of int to sequence of Generator
    """

    def __init__(
        self,
        call: Call,
        stacks: Sequence[Tensor | None],
        nets: int,
        generators: Mapping[int, Sequence[torch.Generator]],
    ) -> None:
        self.call, self.nets = call, nets
        self.stacks = [stack for stack in stacks if stack is not None]
        self._generators = generators
        self._leaves, self._spec = tree_flatten((call.args, call.kwargs))
        coming = iter(stacks)
        self._lifted = [isinstance(leaf, Tensor) and next(coming) is not None for leaf in self._leaves]

    def view(self) -> tuple[list[Call], list[Tensor]]:
        """Name the memory of all nets as the operation names that of one."""
        try:
            calls, results = self._at_once()
        except (RuntimeError, ValueError) as wrong:
            raise NotLiftedError(f"{self.call.operation} can't name the memory of all nets: {wrong}") from wrong
        if any(not call.is_idle for call in calls):
            raise NotLiftedError(f"{self.call.operation} would copy what one net doesn't")
        return [], results

    def best(self) -> tuple[list[Call], list[Tensor]]:
        """Do it for all nets at once where that gives each the bits of its own operation, and otherwise net by net.

        How results lie in memory has to be the same, too: bits of what follows depend on it.
        """
        if self.call.draws or not self.stacks or self._leaves_over:
            return self._each()
        memory = [torch.empty(0, dtype=torch.uint8).set_(storage) for storage in self._storages()]
        before = [values.clone() for values in memory]
        try:
            calls, results = self._at_once()
        except (RuntimeError, ValueError):
            return self._each()
        at_once = [values.clone() for values in [*memory, *results]]
        for values, value in zip(memory, before, strict=True):
            values.copy_(value)
        calls_each, results_each = self._each()
        same = all(_same(one, other) for one, other in zip(at_once, [*memory, *results_each], strict=True))
        same = same and all(one.stride() == other.stride() for one, other in zip(results, results_each, strict=True))
        return (calls, results) if same and len(calls) <= self.nets else (calls_each, results_each)

    @property
    def _leaves_over(self) -> bool:
        """Whether it computes a net's last elements by other means than those of several nets."""
        if self.call.operation in _EXACT or torch.Tag.pointwise not in self.call.operation.tags:
            return False
        return any(tensor.numel() % _BLOCK for tensor in tensors_in(self.call.result))

    def with_stacks(self, tensors: Iterable[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments with other tensors in the place of those that nets don't share."""
        coming = iter(tensors)
        leaves = [next(coming) if lifted else own for own, lifted in zip(self._leaves, self._lifted, strict=True)]
        args, kwargs = tree_unflatten(leaves, self._spec)
        return args, kwargs

    def _storages(self) -> list[UntypedStorage]:
        return list({storage_of(stack): stack.untyped_storage() for stack in self.stacks}.values())

    def _at_once(self) -> tuple[list[Call], list[Tensor]]:
        with Recording() as recording:
            found = _RULES.get(self.call.operation, _vmapped)(self)
        if recording.refusal is not None:
            raise RuntimeError(recording.refusal)
        results = [] if self.call.changed else list(tensors_in(found))
        return [call for call in recording.calls if not call.is_idle], results

    def _each(self) -> tuple[list[Call], list[Tensor]]:
        """Do it net by net, into memory of all."""
        rooms = [] if self.call.changed else [self._room(tensor) for tensor in tensors_in(self.call.result)]
        calls = []
        for net in range(self.nets):
            args, kwargs = self._of(net)
            found = self.call.operation(*args, **kwargs)
            if rooms:
                found = _moved(found, [room[net] for room in rooms])
            calls.append(Call.of(self.call.operation, args, kwargs, found))
        return calls, rooms

    def _of(self, net: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments of one net."""
        arguments = self.with_stacks(stack[net] for stack in self.stacks)
        args, kwargs = tree_map_only(torch.Generator, lambda source: self._generators[source._cdata][net], arguments)
        return args, kwargs

    def _room(self, tensor: Tensor) -> Tensor:
        """Make room for the like of all nets, each laid out as this one."""
        strides = torch.empty_like(tensor).stride()
        return torch.empty_strided(
            (self.nets, *tensor.shape), (tensor.numel(), *strides), dtype=tensor.dtype, device=tensor.device
        )


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def _moved(found: Any, places: Iterable[Tensor]) -> Any:
    """Put the tensors of a result into given places."""
    coming = iter(places)
    return tree_map_only(Tensor, lambda values: next(coming).copy_(values), found)


def _vmapped(lifted: _Lifted) -> Any:
    def of_one(*tensors: Tensor) -> Any:
        args, kwargs = lifted.with_stacks(tensors)
        return lifted.call.operation(*args, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of operations that it does net by net, too
        return torch.vmap(of_one)(*lifted.stacks)


def _products(lifted: _Lifted) -> Any:
    """Add products of matrices to a bias in one call, of which `torch.vmap` makes three."""
    args, kwargs = lifted.with_stacks(lifted.stacks)
    if kwargs or len(args) != 3 or [argument.ndim for argument in args] != [2, 3, 3]:
        return _vmapped(lifted)
    bias, left, right = args
    return torch.baddbmm(bias.unsqueeze(1), left, right)


def _adamw(lifted: _Lifted) -> Any:
    """Move the weights of all nets, which have taken the same number of steps.

    Where processors would take numbers of two nets at once, each net keeps a tensor of its own: bits depend on it.
    """
    (weights, found, means, squares, largest, steps), kwargs = lifted.with_stacks(lifted.stacks)
    gradients = [gradient.contiguous() for gradient in found]
    whole = [weight[0].numel() % _WHOLE == 0 for weight in weights]

    def parts(stacks: list[Tensor]) -> list[Tensor]:
        pairs = zip(stacks, whole, strict=True)
        return [part for stack, is_whole in pairs for part in ([stack] if is_whole else stack.unbind())]

    taken = [step for stack, is_whole in zip(steps, whole, strict=True) for step in stack[: 1 if is_whole else None]]
    return lifted.call.operation(*map(parts, (weights, gradients, means, squares)), largest, taken, **kwargs)


#: Elements that processors compute together, at most. Those that are left over at a tensor's end they compute by other
#: means, which give other bits for some numbers in a thousand: of several nets, others are left over than of one.
_BLOCK = 64
#: Elementwise operations that have but one right result, by whatever means.
_EXACT = {
    *(_aten.add.Tensor, _aten.add_.Tensor, _aten.sub.Tensor, _aten.sub_.Tensor, _aten.mul.Tensor, _aten.mul_.Tensor),
    *(_aten.div.Tensor, _aten.mul.Scalar, _aten.neg.default, _aten.abs.default, _aten.clamp.default),
    *(_aten.clamp_min.default, _aten.relu.default, _aten.reciprocal.default, _aten.where.self, _aten.copy_.default),
}
#: How operations are lifted that `torch.vmap` doesn't know, or not well.
_RULES: Mapping[OpOverload, Callable[[_Lifted], Any]] = {
    _aten.addmm.default: _products,
    _aten._fused_adamw_.tensor_lr: _adamw,
}
