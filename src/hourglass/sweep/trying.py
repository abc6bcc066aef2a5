"""A trial: what ``train@V`` computes under other settings, and what a sweep chooses by."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation.compare import rank
from hourglass.evaluation.evaluate import evaluate
from hourglass.models.shared import weights
from hourglass.models.shared.variant import Variant
from hourglass.outputs import WEIGHTS
from hourglass.params import Params
from hourglass.registry import promise
from hourglass.registry.package import package
from hourglass.registry.trained import Trained
from hourglass.runtime import Model
from hourglass.stages.inputs import Inputs, check
from hourglass.sweep.proposing import Proposal
from hourglass.sweep.records import State
from hourglass.training import devices
from hourglass.training.loop import METRICS_FILE, Record, fit
from hourglass.training.schedules import Schedules
from hourglass.training.settings import TrainSettings

MONITOR = "monitor"


@dataclass
class Result:
    """What came of a training; see `records.Trial`."""

    state: State
    value: float | None = None
    monitor: list[float] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Bench:
    """What all trials of a sweep share.

    Parameters
    ----------
    variant : str
    inputs : Inputs
        Rows, read once.
    dataset : Dataset
    device : device
    metric : str
        ``monitor``, or what ranks variants on selection.
    """

    variant: str
    inputs: Inputs
    dataset: Dataset
    device: torch.device
    metric: str

    def train(self, params: Params, changed: dict[str, Any], folder: Path, proposal: Proposal | None) -> Result:
        """Train under some settings, with the seeds of ``train@V``; a failure is a result too.

        Parameters
        ----------
        params : Params
        changed : dict
            The settings to try, by dotted names.
        folder : Path
            Where checkpoints are kept, so that a repeated call goes on where a killed one stopped.
        proposal : Proposal or None
            Told of every epoch, and ends a training that is hopeless; None lets it run to its end.
        """
        folder.mkdir(exist_ok=True)
        watch = _Watch(folder / METRICS_FILE, proposal)
        try:
            return self._train(params.with_settings(changed), folder, watch)
        except _Hopeless:
            return Result("pruned", monitor=watch.monitor)
        except (HourglassError, torch.OutOfMemoryError) as problem:
            return Result("failed", monitor=watch.monitor, problem=str(problem).partition("\n")[0])

    def _train(self, params: Params, folder: Path, watch: "_Watch") -> Result:
        settings, inputs = params.settings_of(self.variant), self.inputs
        model = inputs.build(self.variant, settings, params.seed).to(self.device)
        check(self.variant, settings, model, inputs, params.train.augment or ())
        watch.settled = _settled(model, params.train)
        rows: dict[str, Any] = {"train": inputs.train, "validation": inputs.validation, "settings": params.train}
        (course,) = fit(model, **rows, seed=params.seed, folder=folder, on_epoch=watch, first_course_only=True)
        watch.catch_up()
        value = course.best if self.metric == MONITOR else self._selected(model, settings, params, folder)
        return Result("complete", value, watch.monitor)

    def _selected(self, model: Variant, settings: dict[str, Any], params: Params, folder: Path) -> float:
        """Package and measure a trained model as the stages do, and give what ranks variants.

        Raises
        ------
        HourglassError
            The guards refuse it, as they would refuse the variant.
        """
        packaged = folder / "package"
        packaged.mkdir(exist_ok=True)
        weights.save(model, folder / WEIGHTS)
        trained = Trained(model.cpu().eval(), {"variant": self.variant, "settings": settings}, folder)
        with _measuring(params.train.threads):
            alpha, anomaly = promise.alpha_of(params.anomaly, self.dataset.schema), params.anomaly
            package(
                trained,
                self.dataset,
                alpha,
                packaged,
                calibrated_on=anomaly.calibrated_on,
                score=anomaly.score,
            )
            found, _ = evaluate(Model(packaged), self.dataset, params.evaluate, seed=params.seed)
        board = rank({self.variant: found}, params.select.metric)
        for reasons in board.refused.values():
            raise HourglassError(f"refused: {'; '.join(reasons)}")
        if board.metric == "relative_error" and found["latent"] > found["pca_components"]:
            raise HourglassError("refused: a code as wide as a row copies, so its error says nothing")
        return float(found["selection"]["model"][board.metric])


class _Hopeless(Exception):  # noqa: N818
    """Ends a training that isn't worth its end."""


@dataclass
class _Watch:
    """Follows a training, also one that goes on from a checkpoint.

    Parameters
    ----------
    log : Path
        Where the loop writes each epoch before it tells of it.
    proposal : Proposal or None
    settled : int
        Epochs of warm-up, in which a training isn't judged.
    """

    log: Path
    proposal: Proposal | None
    settled: int = 0
    monitor: list[float] = field(default_factory=list)

    def __call__(self, record: Record) -> None:
        if self.monitor:
            self._tell(record["monitor"])
        else:
            self.catch_up()
        if self.proposal is not None and len(self.monitor) > self.settled and self.proposal.hopeless():
            raise _Hopeless

    def catch_up(self) -> None:
        """Tell of the epochs so far, a killed call's too, unless some were told of."""
        if not self.monitor:
            for line in self.log.read_text(encoding="utf-8").splitlines():
                self._tell(json.loads(line)["monitor"])

    def _tell(self, monitor: float) -> None:
        self.monitor.append(monitor)
        if self.proposal is not None:
            self.proposal.report(len(self.monitor), monitor)


def _settled(model: Variant, settings: TrainSettings) -> int:
    """Count the epochs in which the loss itself still changes, or parts of the net stand still."""
    schedules = Schedules(settings, total_steps=1)
    warm = schedules.warm if model.courses()[0].weighs_kl else 0.0
    return ceil(max(schedules.thawed, warm) * settings.epochs)


@contextmanager
def _measuring(threads: int) -> Iterator[None]:
    """Compute as the stages ``package@V`` and ``evaluate@V`` do, which have processes of their own."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        devices.compute_with(threads)
