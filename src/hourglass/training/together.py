"""Steps of several trainings of one kind, taken at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.training.lifting import Lifting, NotLiftedError, Place, place_of
from hourglass.training.operations import again, storage_of
from hourglass.training.replay import Buffers, Recording
from hourglass.training.steps import Due, Kind, State, Steps, same

#: Steps of a kind before one is recorded.
RECORDED_AFTER = 10
#: Bytes that the operations of one member's step write, at most: steps that write more are as fast one by one.
PAYS = 3 * 2**20


class Together:
    """Takes the steps of several trainings at once; to each it does what its own step does, to the bit.

    While it does, the tensors of the trainings are parts of common ones.

    Parameters
    ----------
    members : sequence of Steps
        Of one variant with the same settings, on a CPU.

    Attributes
    ----------
    refusal : str or None
        Why steps can't be taken at once, or are as fast one by one.
    """

    def __init__(self, members: Sequence[Steps]) -> None:
        self.members = list(members)
        self.refusal: str | None = None
        self._stack = _Stack(self.members)
        self._taken: Counter[Kind] = Counter()
        self._replays: dict[Kind, _Replay] = {}
        for member in members:
            member.forget()

    def __call__(self, due: Sequence[Due]) -> None:
        """Take the step that is due of each member, in their order."""
        first = due[0]
        kind = first.kind
        if len({(len(one.batch), one.lr, one.kl_weight, one.frozen) for one in due}) > 1:
            self.refusal = "the members' steps differ"
        if self.refusal is None and kind in self._replays:
            first.weigh()
            self._replays[kind]([one.batch for one in due])
            for one in due:
                one.steps.sums.rows += kind[0]
        elif self.refusal is None and self._taken[kind] >= RECORDED_AFTER:
            self._record(due)
        else:
            for one in due:
                one.plain()
            self._taken[kind] += 1

    def part(self) -> None:
        """Give each member memory of its own again."""
        self._replays.clear()
        self._stack.part()

    def _record(self, due: Sequence[Due]) -> None:
        """Take each member's step, and all once more at once, which counts where it leaves the same, to the bit."""
        stack, rooms = self._stack, _Rooms([one.batch for one in due])
        stack.join()
        stack.part()
        before = stack.drawn()
        places = [place_of(tensor) for tensor in stack.states[0].tensors()]
        buffers = Buffers(due[0].steps.trainee.model)
        due[0].weigh()
        with Recording() as recording:
            due[0].steps.take(rooms.first, due[0].frozen)
        for one in due[1:]:
            one.plain()
        self.refusal = recording.refusal
        if recording.bytes > PAYS:
            self.refusal = f"its operations write more than {PAYS >> 20} MiB for each member"
        if self.refusal is None:
            after = stack.drawn()
            stack.draw_from(before)
            lifting = Lifting(len(due), stack.by_place(places) | rooms.by_place(), stack.generators())
            try:
                lifting.run(recording.calls)
                for new, buffer in buffers.replaced():
                    lifting.carry(new, buffer)
            except NotLiftedError as wrong:
                self.refusal = str(wrong)
            if self.refusal is None and not (stack.is_as_members() and same(stack.drawn(), after)):
                self.refusal = "at once they do something else"
            stack.draw_from(after)
        if self.refusal is None:
            self._replays[due[0].kind] = _Replay(lifting, rooms, stack)
            stack.join()


class _Replay:
    """A recorded step of all members."""

    def __init__(self, lifting: Lifting, rooms: "_Rooms", stack: "_Stack") -> None:
        read = {storage for call in lifting.calls for storage in call.read}
        self._places = [(name, room.unbind()) for name, room in rooms.rooms.items() if storage_of(room) in read]
        self._operations = again(lifting.calls)
        self._stack = stack

    @torch.inference_mode()
    def __call__(self, batches: Sequence[Batch]) -> None:
        """Take the step once more, on rows of the same number."""
        for name, places in self._places:
            for place, batch in zip(places, batches, strict=True):
                place.copy_(getattr(batch, name))
        self._stack.buffers.bring_back()
        for operation in self._operations:
            operation()


class _Rooms:
    """Room for the rows of all members, each of the same number.

    Attributes
    ----------
    first : Batch
        A copy of the first member's.
    rooms : dict of str to Tensor of shape (members, batch, ...)
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.first = batches[0].copied()
        names = [field.name for field in fields(Batch) if getattr(self.first, field.name) is not None]
        if self.first.target is self.first.x:
            names.remove("target")
        self.rooms = {name: torch.stack([getattr(batch, name) for batch in batches]) for name in names}

    def by_place(self) -> dict[Place, Tensor]:
        """Give them by where the first member's copies lie."""
        return {place_of(getattr(self.first, name)): room for name, room in self.rooms.items()}


class _Stack:
    """All tensors that the steps of several trainings change, those alike in one."""

    def __init__(self, members: Sequence[Steps]) -> None:
        self.states = [State(member.trainee, member.sums) for member in members]
        self._models = [member.trainee.model for member in members]
        self.buffers = Buffers()
        self._sources = [list(member.trainee.generators.values()) for member in members]
        self._stacks: list[Tensor] = []

    @torch.no_grad()
    def join(self) -> None:
        """Make each member's tensors parts of the common ones."""
        alike = list(zip(*(state.tensors() for state in self.states), strict=True))
        self._stacks = self._stacks or [torch.stack([tensor.detach() for tensor in tensors]) for tensors in alike]
        for stack, tensors in zip(self._stacks, alike, strict=True):
            for part, tensor in zip(stack, tensors, strict=True):
                part.copy_(tensor)
                tensor.data = part
        self.buffers = Buffers(*self._models)

    def part(self) -> None:
        """Give each member memory of its own again."""
        for state in self.states:
            for tensor in state.tensors():
                tensor.data = tensor.detach().clone()

    def is_as_members(self) -> bool:
        """Tell whether the common tensors hold what the members' hold."""
        for number, state in enumerate(self.states):
            if not same([stack[number] for stack in self._stacks], state.tensors()):
                return False
        return True

    def by_place(self, places: Sequence[Place]) -> dict[Place, Tensor]:
        """Give the common tensors by where those of a member lay."""
        return dict(zip(places, self._stacks, strict=True))

    def generators(self) -> dict[int, tuple[torch.Generator, ...]]:
        """Give those of all members by the address of the first's."""
        return {alike[0]._cdata: alike for alike in zip(*self._sources, strict=True)}

    def drawn(self) -> list[Tensor]:
        """Tell how far the generators are."""
        return [source.get_state() for sources in self._sources for source in sources]

    def draw_from(self, states: Sequence[Tensor]) -> None:
        """Set them to where they were."""
        sources = (source for sources in self._sources for source in sources)
        for source, state in zip(sources, states, strict=True):
            source.set_state(state)
