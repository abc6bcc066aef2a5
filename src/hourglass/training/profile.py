"""Where the time of a step goes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from math import ceil
from pathlib import Path
from time import perf_counter

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from hourglass.models.shared.variant import Variant
from hourglass.training.augment import Augment
from hourglass.training.loop import trainee_for
from hourglass.training.schedules import Schedules
from hourglass.training.settings import TrainSettings
from hourglass.training.source import Source
from hourglass.training.steps import Steps

#: Steps before anything is measured: until they are replayed, and until Adam's moments decay into denormals.
_WARM = 1_200
_SECONDS_WARM = 20.0
_MEASURED = 200
_BETWEEN = "between operations (Python, autograd, memory)"
_IDLE = "the GPU waits"

#: What operations do, by the names that they have; what isn't here stands by itself.
_KINDS = {
    "matrix products": {"mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "dot", "mv", "addmv"},
    "convolutions": {"convolution", "convolution_backward", "mkldnn_convolution", "cudnn_convolution", "slow_conv"},
    "optimiser": {"_fused_adamw_", "_foreach_norm"},
    "noise": {"randn", "rand", "normal_", "uniform_", "bernoulli_", "randint", "random_", "randperm"},
    "gathering and copying rows": {"index_select", "copy_", "cat", "clone", "_to_copy", "index"},
    "sums and means": {"sum", "mean", "amax", "amin", "var", "logsumexp"},
}
#: What kernels of a GPU do, by parts of their names; the first that fits.
_KERNELS = {
    "convolutions": ("conv", "fprop", "dgrad", "wgrad", "cudnn", "nchwToNhwc", "nhwcToNchw"),
    "matrix products": ("gemm", "cutlass", "xmma", "splitK"),
    "optimiser": ("multi_tensor_apply",),
    "noise": ("distribution", "random"),
    "gathering and copying rows": ("index", "gather", "Memcpy", "copy", "Cat", "scatter", "Memset"),
    "sums and means": ("reduce",),
    "elementwise": ("elementwise",),
}


@dataclass(frozen=True)
class Part:
    """What a step spends time on.

    Parameters
    ----------
    name : str
    calls : float
        In a step.
    microseconds : float
        In a step.
    share : float
        Of the step.
    """

    name: str
    calls: float
    microseconds: float
    share: float


@dataclass(frozen=True)
class Profile:
    """A step, on average over some hundred.

    Parameters
    ----------
    variant : str
    rows : int
        Of a step.
    microseconds : float
        That a step takes, measured without the profiler.
    replayed : bool
        Whether steps are replayed from a recording.
    refusal : str or None
        Why they aren't.
    parts : list of Part
        By time, the longest first; shares are those under the profiler, which slows what is short.
    busy : float or None
        Share of the time that a GPU computes, under the profiler.
    """

    variant: str
    rows: int
    microseconds: float
    replayed: bool
    refusal: str | None
    parts: list[Part]
    busy: float | None = None


def profiled(
    model: Variant, train: Source, settings: TrainSettings, *, variant: str, seed: int, trace: Path
) -> Profile:
    """Take some steps of the first course and tell where their time goes.

    Parameters
    ----------
    model : Variant
        On the device of the rows; it is trained a little.
    train : Source
    settings : TrainSettings
    variant : str
        Its name.
    seed : int
    trace : Path
        Gets a trace of the last steps, which chrome://tracing and ui.perfetto.dev show.

    Returns
    -------
    Profile
    """
    course = model.courses()[0]
    trainee = trainee_for(model, [course], settings, seed, train.device)
    steps = Steps(course, trainee, Augment.of(settings.augment or (), model), settings)
    taken = _taken(steps, train, settings)
    model.train()
    until = perf_counter() + _SECONDS_WARM
    for step in taken:
        if step >= _WARM or perf_counter() > until:
            break
    microseconds = _per_step(taken, train.device)
    on = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (train.device.type == "cuda")
    with profile(activities=on) as watched:
        under = _per_step(taken, train.device)
    trace.parent.mkdir(parents=True, exist_ok=True)
    watched.export_chrome_trace(str(trace))
    refusal = None if steps.are_replayed else steps.refusal or "too few steps were taken"
    facts = (variant, settings.batch, microseconds, steps.are_replayed, refusal)
    if train.device.type == "cpu":
        return Profile(*facts, _parts(watched, under))
    parts = _kernels(watched, under)
    return Profile(*facts, parts, 1 - next(part.share for part in parts if part.name == _IDLE))


def _taken(steps: Steps, train: Source, settings: TrainSettings) -> Iterator[int]:
    """Take one step after the other, and count them."""
    schedules, taken = Schedules(settings, settings.epochs * ceil(len(train) / settings.batch)), count()
    while True:
        for batch in train.shuffled(settings.batch, steps.trainee.generators["order"]):
            step = next(taken)
            steps(batch, lr=schedules.lr(0), kl_weight=schedules.kl_weight(step), frozen=schedules.frozen(step))
            yield step


def _per_step(taken: Iterator[int], device: torch.device) -> float:
    _wait(device)
    started = perf_counter()
    for _ in islice(taken, _MEASURED):
        pass
    _wait(device)
    return (perf_counter() - started) / _MEASURED * 1e6


def _wait(device: torch.device) -> None:
    """Let a GPU finish what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _parts(watched: profile, microseconds: float) -> list[Part]:
    """Sum the time of operations on a CPU by what they do."""
    found = _Sums()
    for event in watched.key_averages():
        operation = event.key.removeprefix("aten::")
        name = next((kind for kind, names in _KINDS.items() if operation in names), operation)
        found.add(name, event.count, event.self_cpu_time_total)
    return found.parts(microseconds, rest=_BETWEEN)


def _kernels(watched: profile, microseconds: float) -> list[Part]:
    """Sum the time of kernels on a GPU by what they do."""
    found = _Sums()
    for event in watched.key_averages():
        if event.device_type == DeviceType.CUDA:
            fitting = (kind for kind, parts in _KERNELS.items() if any(part in event.key for part in parts))
            found.add(next(fitting, event.key[:60]), event.count, event.self_device_time_total)
    return found.parts(microseconds, rest=_IDLE)


class _Sums:
    """Calls and time by name."""

    def __init__(self) -> None:
        self._times: dict[str, float] = defaultdict(float)
        self._calls: dict[str, float] = defaultdict(float)

    def add(self, name: str, calls: float, microseconds: float) -> None:
        self._calls[name] += calls / _MEASURED
        self._times[name] += microseconds / _MEASURED

    def parts(self, microseconds: float, *, rest: str) -> list[Part]:
        """Order them by time; what is left of a step's is named `rest`."""
        self._times[rest] = max(0.0, microseconds - sum(self._times.values()))
        order = sorted(self._times, key=self._times.__getitem__, reverse=True)
        return [Part(name, self._calls[name], self._times[name], self._times[name] / microseconds) for name in order]
