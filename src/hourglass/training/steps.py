"""The steps of a training: what one does, and how it is done again faster."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hourglass.models.shared import sharing
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context, Course, Phase, Term, gradients
from hourglass.training.augment import Augment
from hourglass.training.capture import Capture
from hourglass.training.checkpoint import Trainee
from hourglass.training.precision import computing
from hourglass.training.replay import Replay
from hourglass.training.settings import TrainSettings

#: What steps have in common that are replayed by the same recording: rows, whether these are the target, frozen parts.
Kind = tuple[int, bool, tuple[str, ...]]

#: Steps of a kind before one is recorded, which takes as long as some twenty of them.
RECORDED_AFTER = 50
#: And on a GPU, where steps are slow until one is captured.
CAPTURED_AFTER = 10
#: How far the same additions in another order may move what a step leaves, in parts of its size.
_ORDER = 1e-3


class Sums:
    """Whole-set sums of named terms, kept on the device so that no step waits for it."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: dict[str, Tensor] = {}
        self.weights: dict[str, float | Tensor] = {}

    def add(self, terms: Mapping[str, Term]) -> None:
        """Add the rows of a batch, but for those that another process counts."""
        if sharing.is_repeated():
            return
        self.rows += len(next(iter(terms.values())).value)
        for name, term in terms.items():
            value = term.value.detach().sum(0, dtype=torch.float64)
            if name in self.sums:
                self.sums[name].add_(value)
            else:
                self.sums[name] = value
            self.weights[name] = term.weight

    def means(self) -> dict[str, float]:
        """Give the mean of every term over all rows, of all processes that train together."""
        counted = next(iter(self.sums.values())).new_tensor(self.rows)
        *sums, rows = sharing.totals(torch.stack([*self.sums.values(), counted])).tolist()
        return {name: value / rows for name, value in zip(self.sums, sums, strict=True)}

    def objective(self, names: Collection[str] | None) -> float:
        """Sum the weighted means of the named terms; None: of all."""
        means = self.means()
        return sum(float(self.weights[name]) * means[name] for name in (means if names is None else names))

    def clear(self) -> None:
        """Begin anew, in the same memory."""
        self.rows = 0
        for value in self.sums.values():
            value.zero_()


class Steps:
    """Takes the steps of a course. One kind of step, after some of it, is recorded and from then on replayed.

    On a CPU its operations are recorded, on a GPU they are captured as a graph.

    Parameters
    ----------
    course : Course
    trainee : Trainee
    augment : Augment
    settings : TrainSettings

    Attributes
    ----------
    sums : Sums
        Of the terms of all steps since it was cleared.
    refusal : str or None
        Why steps are not replayed.
    """

    def __init__(self, course: Course, trainee: Trainee, augment: Augment, settings: TrainSettings) -> None:
        self.course, self.trainee, self.augment, self.settings = course, trainee, augment, settings
        self.sums = Sums()
        device = trainee.generators["noise"].device
        self._on_gpu = device.type == "cuda"
        self.lr, self.kl_weight = _Number(device), _Number(device)
        self._taken: Counter[Kind] = Counter()
        self._recorded: dict[Kind, Replay | Capture] = {}
        self._replays: dict[Kind, Replay | Capture] = {}
        self.refusal: str | None = None
        if device.type not in ("cpu", "cuda"):
            self.refusal = "only the operations of a CPU are recorded, and those of a CUDA GPU captured"
        if sharing.processes() > 1:
            self.refusal = "several processes share its rows"

    def __call__(self, batch: Batch, *, lr: float, kl_weight: float, frozen: tuple[str, ...]) -> None:
        """Move the model by one batch, but for the `frozen` parts."""
        self.weigh(lr, kl_weight)
        kind = kind_of(batch, frozen)
        replay = self._replays.get(kind)
        if replay is not None:
            replay(batch)
            self.sums.rows += len(batch)
        elif kind in self._recorded:
            self._check(kind, batch, frozen)
        elif self.refusal is None and self._taken[kind] >= (CAPTURED_AFTER if self._on_gpu else RECORDED_AFTER):
            self._recorded[kind] = self._record(batch, frozen)
        else:
            self.take(batch, frozen)
            self._taken[kind] += 1

    @property
    def are_replayed(self) -> bool:
        """Whether steps of some kind are."""
        return bool(self._replays)

    def weigh(self, lr: float, kl_weight: float) -> None:
        """Set what changes with the step."""
        self.lr.set(lr)
        self.kl_weight.set(kl_weight)

    def forget(self) -> None:
        """Record anew, for tensors came to lie elsewhere."""
        self._taken.clear()
        self._recorded.clear()
        self._replays.clear()

    def take(self, batch: Batch, frozen: tuple[str, ...]) -> None:
        """Take a step with what was set, as it is written."""
        batch = self.augment(batch, self.trainee.generators["noise"])
        context = Context(self.trainee.generators["noise"], self.kl_weight.tensor)
        held = _held(self.trainee.model, frozen)
        terms: dict[str, Term] = {}
        with sharing.shared(batch) as rows:
            for phase in self.course.phases:
                terms |= self._move(phase, rows, context, held)
            self.sums.add(terms)

    def _move(self, phase: Phase, batch: Batch, context: Context, held: set[nn.Parameter]) -> Mapping[str, Term]:
        with computing(self.trainee.model, self.settings.precision):
            terms = phase.losses(batch, context)
        moving = [one for one in phase.parameters if one.requires_grad and one not in held]
        if moving:
            found = dict(zip(moving, gradients(terms, moving), strict=True))
            sharing.add_up(_present(found))
            if self.settings.clip is not None:
                found = _clipped(found, self.settings.clip)
            self.trainee.optimizers[phase.name].step([found.get(one) for one in phase.parameters], self.lr.tensor)
        return terms

    def _record(self, batch: Batch, frozen: tuple[str, ...]) -> Replay | Capture:
        """Take a step and record it."""
        model, counted = self.trainee.model, self.sums.rows + len(batch)

        def step(rows: Batch) -> None:
            self.take(rows, frozen)

        if not self._on_gpu:
            return Replay(step, batch, model)
        capture = Capture(step, batch, model, [self.trainee.generators["noise"]])
        self.sums.rows = counted  # its Python ran twice
        return capture

    def _check(self, kind: Kind, batch: Batch, frozen: tuple[str, ...]) -> None:
        """Take a step, and once more by its recording, which counts where it leaves all as the step did, to the bit."""
        replay, state = self._recorded.pop(kind), State(self.trainee, self.sums)
        before = state.copy()
        self.take(batch, frozen)
        after, refusal = state.copy(), replay.refusal
        if refusal is None:
            state.restore(before)
            replay(batch)
            if not self._leaves(state.copy(), after):
                state.restore(after)
                refusal = "what it does changes from step to step by more than its numbers"
        if refusal is None:
            self._replays[kind] = replay
        else:
            self.refusal = refusal

    def _leaves(self, found: list[Tensor], wanted: list[Tensor]) -> bool:
        """Tell whether two steps left the same: to the bit, where a step does so each time."""
        if self._on_gpu and not self.settings.deterministic:
            return all(_close(one, other) for one, other in zip(found, wanted, strict=True))
        return same(found, wanted)


class Due(NamedTuple):
    """A step that is to be taken: of what, and what `Steps` is told."""

    steps: Steps
    batch: Batch
    lr: float
    kl_weight: float
    frozen: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What it has in common with other steps."""
        return kind_of(self.batch, self.frozen)

    def weigh(self) -> None:
        """Set what changes with the step."""
        self.steps.weigh(self.lr, self.kl_weight)

    def plain(self) -> None:
        """Take it as it is written."""
        self.weigh()
        self.steps.take(self.batch, self.frozen)

    def take(self) -> None:
        """Take it as fast as its training alone can."""
        self.steps(self.batch, lr=self.lr, kl_weight=self.kl_weight, frozen=self.frozen)


class _Number:
    """A number that a recorded step finds in the same place, whatever it is."""

    def __init__(self, device: torch.device) -> None:
        self.tensor = torch.zeros((), device=device)
        self._value = 0.0

    def set(self, value: float) -> None:
        if value != self._value:
            self.tensor.fill_(value)
            self._value = value


class State:
    """All tensors that a step changes."""

    def __init__(self, trainee: Trainee, sums: Sums) -> None:
        self._trainee, self._sums = trainee, sums

    def tensors(self) -> list[Tensor]:
        """Give them in an order of their own, not copies."""
        model, optimizers = self._trainee.model, self._trainee.optimizers.values()
        of_optimizers = chain.from_iterable(optimizer.state().values() for optimizer in optimizers)
        return [*model.parameters(), *model.buffers(), *of_optimizers, *self._sums.sums.values()]

    def copy(self) -> list[Tensor]:
        """Copy all that changes."""
        generators = [source.get_state() for source in self._trainee.generators.values()]
        return [*generators, *(tensor.detach().clone() for tensor in self.tensors())]

    @torch.no_grad()
    def restore(self, copies: list[Tensor]) -> None:
        """Take over what `copy` gave."""
        count = len(self._trainee.generators)
        for source, state in zip(self._trainee.generators.values(), copies[:count], strict=True):
            source.set_state(state)
        for tensor, value in zip(self.tensors(), copies[count:], strict=True):
            tensor.copy_(value)


def kind_of(batch: Batch, frozen: tuple[str, ...]) -> Kind:
    """Tell what a step has in common with others."""
    return len(batch), batch.target is batch.x, frozen


def same(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Tell whether tensors are the same to the bit."""
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


def _close(one: Tensor, other: Tensor) -> bool:
    """Tell whether tensors differ by no more than what another order of additions makes of a step."""
    difference, size = (tensor.double().norm() for tensor in (one.double() - other.double(), other))
    return bool(difference <= _ORDER * size)


def _present(found: Mapping[nn.Parameter, Tensor | None]) -> list[Tensor]:
    return [gradient for gradient in found.values() if gradient is not None]


def _clipped(found: Mapping[nn.Parameter, Tensor | None], largest: float) -> dict[nn.Parameter, Tensor | None]:
    """Scale gradients down to a norm of `largest`, all together (Pascanu et al. 2013, algorithm 1).

    Not in place, for two of them may lie in the same memory.
    """
    scale = (largest / (torch.nn.utils.get_total_norm(_present(found)) + 1e-6)).clamp(max=1.0)
    return {one: None if gradient is None else gradient * scale for one, gradient in found.items()}


def _held(model: nn.Module, parts: tuple[str, ...]) -> set[nn.Parameter]:
    """Collect the parameters of the parts that stand still."""
    return {parameter for part in parts for parameter in model.get_submodule(part).parameters()}
