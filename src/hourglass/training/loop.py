"""The one loop that trains every variant."""

import json
import time
from collections.abc import Callable, Generator, Iterable
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
#: A training that yields each step when it is due, and goes on when that was taken.
Fitting = Generator[Due, None, list[Finished]]


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
    like, and what that warns of once the KL has its full weight. A checkpoint in
    the same folder lets a repeated call go on where a killed one stopped, with the same result bit for bit.

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
    coming = fitting(
        model,
        train,
        validation,
        settings,
        seed=seed,
        folder=folder,
        on_epoch=on_epoch,
        first_course_only=first_course_only,
    )
    return finish(coming)


def finish(coming: Fitting) -> list[Finished]:
    """Take all steps that are still to come, one by one."""
    while True:
        try:
            next(coming).take()
        except StopIteration as end:
            finished: list[Finished] = end.value
            return finished


def fitting(
    model: Variant,
    train: Batch | Source,
    validation: Batch | Source,
    settings: TrainSettings,
    *,
    seed: int,
    folder: Path,
    on_epoch: Callable[[Record], None] | None = None,
    first_course_only: bool = False,
) -> Fitting:
    """Do what `fit` does, but leave each step to whoever asks for the next: several trainings may take theirs at once.

    Yields
    ------
    Due
        To be taken before the next is asked for.

    Returns
    -------
    list of Finished
    """
    train, validation = as_source(train), as_source(validation)
    if min(len(train), len(validation)) < sharing.processes():
        each = " for each of train.devices" if sharing.processes() > 1 else ""
        raise HourglassError(f"training needs at least one row in train and one in validation{each}.")
    _require_statistics(model, settings.batch)
    augment = Augment.of(settings.augment or (), model)
    steps_per_epoch = ceil(len(train) / settings.batch)
    schedules = Schedules(settings, total_steps=settings.epochs * steps_per_epoch)
    courses = model.courses()[:1] if first_course_only else model.courses()
    trainee = trainee_for(model, courses, settings, seed, train.device)
    checkpoint = Checkpoint(folder)
    checkpoint.load_into(trainee)
    sharing.wait()
    progress, writes = trainee.progress, sharing.number() == 0
    metrics = folder / METRICS_FILE
    if writes:
        _keep_lines(metrics, progress.epoch)
    saved_at = time.monotonic()

    for course in courses[len(progress.finished) :]:
        steps = Steps(course, trainee, augment, settings)
        while not _finished(course, progress, schedules):
            train_means = yield from _train_epoch(steps, train, schedules)
            record = _close_epoch(course, trainee, schedules, train_means, _measured(course, model, validation, seed))
            _lower_at_plateau(course, progress, schedules)
            record["code"] = _diagnosed(course, validation, seed)
            record["alarms"] = alarms.of_code(record["code"]) if record["kl_weight"] >= _FULL_WEIGHT else []
            if not writes:
                continue
            with metrics.open("a") as log:
                log.write(json.dumps(record) + "\n")
            if on_epoch is not None:
                on_epoch(record)
            if time.monotonic() - saved_at >= settings.checkpoint_seconds:
                checkpoint.save(trainee)
                saved_at = time.monotonic()
        model.load_state_dict(trainee.best)
        progress.finish(course.name, course.monitor)

    if writes:
        checkpoint.clear()
    return progress.finished


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
