"""The one loop that trains every variant."""

import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import torch

from hourglass.errors import HourglassError
from hourglass.files import write_text
from hourglass.models.shared import alarms, sharing
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.nets.layers import BatchNorm
from hourglass.models.shared.running import FEW, Running
from hourglass.models.shared.terms import Context, Course
from hourglass.models.shared.variant import Variant
from hourglass.training.adam import AdamW
from hourglass.training.augment import Augment
from hourglass.training.checkpoint import Checkpoint, Finished, Progress, Trainee
from hourglass.training.schedules import Schedules
from hourglass.training.settings import TrainSettings
from hourglass.training.source import Source, as_source
from hourglass.training.steps import Due, Steps, Sums

METRICS_FILE = "metrics.jsonl"
#: From where the weight of the KL counts as full: a warm-up over all steps ends just below 1.
_FULL_WEIGHT = 0.95
#: Rows that are measured at once.
EVALUATION_ROWS = 4096

Record = dict[str, Any]


def fit(
    model: Variant,
    train: Batch | Source,
    validation: Batch | Source,
    settings: TrainSettings,
    *,
    seed: int,
    folder: Path,
    on_epoch: Callable[[Record], None] | None = None,
    first_course_only: bool = False,
) -> list[Finished]:
    """Train a model and leave it with the weights of its best epoch.

    A record of each epoch goes to ``metrics.jsonl``: train and validation means of every term, apart, what the code is
    like, and what that warns of once the KL has its full weight. A checkpoint in the same
    folder lets a repeated call go on where a killed one stopped, with the same result bit for bit.

    Where several processes train together (`torch.distributed`), each calls this with the same arguments but for its
    device. They share the rows of every batch, take the same steps, and the first one alone writes and reports.

    Parameters
    ----------
    model : Variant
        On the device of the rows.
    train, validation : Batch or Source
        All rows, normalised, on one device: in memory or read from disk.
    settings : TrainSettings
    seed : int
        Seeds the order of the rows and all noise; the weights were drawn before.
    folder : Path
        Where metrics and checkpoints are written.
    on_epoch : callable, optional
        Called with each record.
    first_course_only : bool
        Whether to leave out what a variant trains after its autoencoder.

    Returns
    -------
    list of Finished
        How long each course took, and its best epoch.

    Raises
    ------
    HourglassError
        A term is no longer finite, there is no row to train or validate on, or too few in a step for a normalisation.
    """
    training = Training(
        model, as_source(train), as_source(validation), settings, seed, folder, on_epoch, first_course_only
    )
    for due in training.steps():
        due.take()
    return training.progress.finished


@dataclass
class Training:
    """What `fit` does, with each step left to whoever asks for the next: several trainings may take theirs at once.

    Parameters
    ----------
    model, train, validation, settings, seed, folder, on_epoch, first_course_only
        As of `fit`.
    """

    model: Variant
    train: Source
    validation: Source
    settings: TrainSettings
    seed: int
    folder: Path
    on_epoch: Callable[[Record], None] | None = None
    first_course_only: bool = False

    @property
    def progress(self) -> Progress:
        """How far it is; from its first step on."""
        return self._trainee.progress

    def steps(self) -> Iterator[Due]:
        """Yield each step when it is due, to be taken before the next is asked for; leave the best weights."""
        self._require_rows()
        augment = Augment.of(self.settings.augment or (), self.model)
        courses = self.model.courses()[:1] if self.first_course_only else self.model.courses()
        self._begin(courses)
        for course in courses[len(self.progress.finished) :]:
            steps = Steps(course, self._trainee, augment, self.settings)
            while not _finished(course, self.progress, self._schedules):
                train_means = yield from _train_epoch(steps, self.train, self._schedules)
                self._end_epoch(course, train_means)
            self.model.load_state_dict(self._trainee.best)
            self.progress.finish(course.name, course.monitor)
        if sharing.number() == 0:
            self._checkpoint.clear()

    def _require_rows(self) -> None:
        if min(len(self.train), len(self.validation)) < sharing.processes():
            each = " for each of train.devices" if sharing.processes() > 1 else ""
            raise HourglassError(f"training needs at least one row in train and one in validation{each}.")
        _require_statistics(self.model, self.settings.batch)

    def _begin(self, courses: Sequence[Course]) -> None:
        """Begin, or go on where a checkpoint was left."""
        steps_per_epoch = ceil(len(self.train) / self.settings.batch)
        self._schedules = Schedules(self.settings, total_steps=self.settings.epochs * steps_per_epoch)
        self._trainee = trainee_for(self.model, courses, self.settings, self.seed, self.train.device)
        self._checkpoint, self._metrics = Checkpoint(self.folder), self.folder / METRICS_FILE
        self._checkpoint.load_into(self._trainee)
        sharing.wait()
        if sharing.number() == 0:
            _keep_lines(self._metrics, self.progress.epoch)
        self._saved_at = time.monotonic()

    def _end_epoch(self, course: Course, train_means: dict[str, float]) -> None:
        """Measure, remember the best weights, and write down what was found."""
        validation = _measured(course, self.model, self.validation, self.seed)
        record = _close_epoch(course, self._trainee, self._schedules, train_means, validation)
        _lower_at_plateau(course, self.progress, self._schedules)
        record["code"] = _diagnosed(course, self.validation, self.seed)
        record["alarms"] = alarms.of_code(record["code"]) if record["kl_weight"] >= _FULL_WEIGHT else []
        if sharing.number() > 0:
            return
        with self._metrics.open("a") as log:
            log.write(json.dumps(record) + "\n")
        if self.on_epoch is not None:
            self.on_epoch(record)
        if time.monotonic() - self._saved_at >= self.settings.checkpoint_seconds:
            self._checkpoint.save(self._trainee)
            self._saved_at = time.monotonic()


def measure(model: Variant, rows: Batch | Source, *, seed: int) -> dict[str, float]:
    """Average every unweighted term of the first course over all rows; the same seed gives the same numbers."""
    return _measured(model.courses()[0], model, as_source(rows), seed).means()


def _require_statistics(model: Variant, batch: int) -> None:
    """Refuse batches too small for what takes its scale from them, which would then do nothing."""
    layers = [layer for layer in model.modules() if isinstance(layer, BatchNorm | Running)]
    if batch >= FEW or not layers:
        return
    batch_norm = any(isinstance(layer, BatchNorm) for layer in layers)
    what, instead = ("batch normalisation", ", or normalisation: group") if batch_norm else ("the scale of codes", "")
    raise HourglassError(
        f"{what} needs at least {FEW} rows in a step, and there are {batch}; set train.batch: {FEW} or more{instead}."
    )


def _diagnosed(course: Course, rows: Source, seed: int) -> dict[str, float]:
    with torch.no_grad():
        first = next(rows.in_order(EVALUATION_ROWS))
        return course.diagnose(first, torch.Generator(rows.device).manual_seed(seed))


def _measured(course: Course, model: Variant, rows: Source, seed: int) -> Sums:
    model.eval()
    context = Context(torch.Generator(rows.device).manual_seed(seed))
    sums = Sums()
    with torch.no_grad():
        for batch in rows.in_order(EVALUATION_ROWS):
            with sharing.shared(batch) as shared:
                sums.add(course.losses(shared, context))
    return sums


def trainee_for(
    model: Variant, courses: Iterable[Course], settings: TrainSettings, seed: int, device: torch.device
) -> Trainee:
    """Make all that changes beside the model while it is trained, as it is before the first step."""
    optimizers = {
        phase.name: AdamW(phase.parameters, settings.weight_decay) for course in courses for phase in course.phases
    }
    generators = {"order": torch.Generator().manual_seed(seed), "noise": torch.Generator(device).manual_seed(seed)}
    return Trainee(model, optimizers, generators, best={}, progress=Progress())


def _train_epoch(steps: Steps, rows: Source, schedules: Schedules) -> Generator[Due, None, dict[str, float]]:
    progress = steps.trainee.progress
    steps.trainee.model.train()
    steps.sums.clear()
    for batch in rows.shuffled(schedules.settings.batch, steps.trainee.generators["order"]):
        step = progress.step - progress.first_step
        lr = schedules.lr(step, progress.lowered)
        yield Due(steps, batch, lr, schedules.kl_weight(step), schedules.frozen(step))
        progress.step += 1
    return steps.sums.means()


def _close_epoch(
    course: Course,
    trainee: Trainee,
    schedules: Schedules,
    train_means: dict[str, float],
    validation: Sums,
) -> Record:
    progress, validation_means = trainee.progress, validation.means()
    progress.epoch += 1
    for name, value in (train_means | validation_means).items():
        if not (isfinite(value) and isfinite(train_means.get(name, value))):
            raise HourglassError(
                f"training diverged: the term {name!r} is no longer finite in epoch {progress.epoch}; "
                f"lower train.lr (now {schedules.settings.lr:g}) or set train.clip."
            )
    monitor = validation.objective(course.monitor)
    if progress.best is None or monitor < progress.best:
        progress.best, progress.best_epoch = monitor, progress.epoch
        trainee.best = {name: value.clone() for name, value in trainee.model.state_dict().items()}
    last = progress.step - progress.first_step - 1
    return {
        "course": course.name,
        "epoch": progress.epoch,
        "step": progress.step,
        "lr": schedules.lr(last, progress.lowered),
        "kl_weight": schedules.kl_weight(last),
        "train": train_means,
        "validation": validation_means,
        "monitor": monitor,
    }


def _finished(course: Course, progress: Progress, schedules: Schedules) -> bool:
    """Tell whether all epochs ran or the monitor stopped improving."""
    epoch, settings = progress.epoch - progress.first_epoch, schedules.settings
    return epoch >= settings.epochs or _idle(course, progress, schedules, progress.best_epoch) >= settings.patience


def _lower_at_plateau(course: Course, progress: Progress, schedules: Schedules) -> None:
    """Lower the learning rate where the monitor stopped improving."""
    settings, since = schedules.settings, max(progress.best_epoch, progress.lowered_epoch)
    if settings.schedule == "plateau" and _idle(course, progress, schedules, since) >= settings.plateau:
        progress.lowered, progress.lowered_epoch = progress.lowered + 1, progress.epoch


def _idle(course: Course, progress: Progress, schedules: Schedules, since: int) -> int:
    """Count the epochs since one of them; those of warm-up and freezing don't count."""
    settled = max(schedules.thawed, schedules.warm if course.weighs_kl else 0.0)
    first = progress.first_epoch + ceil(settled * schedules.settings.epochs)
    return progress.epoch - max(since, first)


def _keep_lines(path: Path, count: int) -> None:
    """Cut the metrics back to those that a checkpoint knows."""
    lines = path.read_text().splitlines(keepends=True)[:count] if path.exists() else []
    write_text(path, "".join(lines))
