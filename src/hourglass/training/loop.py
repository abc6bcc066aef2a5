"""The one loop that trains every variant."""

import json
import time
from collections.abc import Callable, Mapping
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.files import write_text
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context, Term, total
from hourglass.models.shared.variant import Variant
from hourglass.training.batches import in_order, shuffled
from hourglass.training.checkpoint import Checkpoint, Progress, Trainee
from hourglass.training.schedules import Schedules
from hourglass.training.settings import TrainSettings

METRICS_FILE = "metrics.jsonl"
_EVALUATION_ROWS = 4096

Record = dict[str, Any]


def fit(
    model: Variant,
    train: Batch,
    validation: Batch,
    settings: TrainSettings,
    *,
    seed: int,
    folder: Path,
    on_epoch: Callable[[Record], None] | None = None,
) -> Progress:
    """Train a model and leave it with the weights of its best epoch.

    A record of each epoch goes to ``metrics.jsonl``: train and validation means of every term, apart. A checkpoint in
    the same folder lets a repeated call go on where a killed one stopped, with the same result bit for bit.

    Parameters
    ----------
    model : Variant
        On the device of the rows.
    train, validation : Batch
        All rows, normalised, on one device.
    settings : TrainSettings
    seed : int
        Seeds the order of the rows and all noise; the weights were drawn before.
    folder : Path
        Where metrics and checkpoints are written.
    on_epoch : callable, optional
        Called with each record.

    Returns
    -------
    Progress
        How long it took, and the best epoch.

    Raises
    ------
    HourglassError
        A term is no longer finite, or there is no row to train or validate on.
    """
    if not len(train) or not len(validation):
        raise HourglassError("training needs at least one row in train and one in validation.")
    steps_per_epoch = ceil(len(train) / settings.batch)
    schedules = Schedules(settings, total_steps=settings.epochs * steps_per_epoch)
    trainee = _trainee(model, settings, seed, train.x.device)
    checkpoint = Checkpoint(folder)
    checkpoint.load_into(trainee)
    progress = trainee.progress
    metrics = folder / METRICS_FILE
    _keep_lines(metrics, progress.epoch)
    saved_at = time.monotonic()

    while not _finished(progress, settings):
        train_means = _train_epoch(model, trainee, train, settings, schedules)
        validation_means = measure(model, validation, seed=seed)
        record = _close_epoch(model, trainee, schedules, train_means, validation_means)
        with metrics.open("a") as log:
            log.write(json.dumps(record) + "\n")
        if on_epoch is not None:
            on_epoch(record)
        if time.monotonic() - saved_at >= settings.checkpoint_seconds:
            checkpoint.save(trainee)
            saved_at = time.monotonic()

    model.load_state_dict(trainee.best)
    checkpoint.clear()
    return progress


def measure(model: Variant, rows: Batch, *, seed: int) -> dict[str, float]:
    """Average every unweighted term over all rows; the same seed gives the same numbers."""
    model.eval()
    context = Context(torch.Generator(rows.x.device).manual_seed(seed))
    sums = _Sums()
    with torch.no_grad():
        for batch in in_order(rows, _EVALUATION_ROWS):
            sums.add(model.losses(batch, context))
    return sums.means(len(rows))


def _trainee(model: Variant, settings: TrainSettings, seed: int, device: torch.device) -> Trainee:
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    generators = {"order": torch.Generator().manual_seed(seed), "noise": torch.Generator(device).manual_seed(seed)}
    return Trainee(model, optimizer, generators, best={}, progress=Progress())


def _train_epoch(
    model: Variant, trainee: Trainee, rows: Batch, settings: TrainSettings, schedules: Schedules
) -> dict[str, float]:
    model.train()
    sums = _Sums()
    for batch in shuffled(rows, settings.batch, trainee.generators["order"]):
        for group in trainee.optimizer.param_groups:
            group["lr"] = schedules.lr(trainee.progress.step)
        context = Context(trainee.generators["noise"], schedules.kl_weight(trainee.progress.step))
        terms = model.losses(batch, context)
        trainee.optimizer.zero_grad(set_to_none=True)
        total(terms).backward()
        if settings.clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        trainee.optimizer.step()
        trainee.progress.step += 1
        sums.add(terms)
    return sums.means(len(rows))


def _close_epoch(
    model: Variant,
    trainee: Trainee,
    schedules: Schedules,
    train_means: dict[str, float],
    validation_means: dict[str, float],
) -> Record:
    progress = trainee.progress
    progress.epoch += 1
    for name, value in (train_means | validation_means).items():
        if not (isfinite(value) and isfinite(train_means[name])):
            raise HourglassError(
                f"training diverged: the term {name!r} is no longer finite in epoch {progress.epoch}; "
                f"lower train.lr (now {schedules.settings.lr:g}) or set train.clip."
            )
    monitor = sum(validation_means[name] for name in model.monitor)
    if progress.best is None or monitor < progress.best:
        progress.best, progress.best_epoch = monitor, progress.epoch
        trainee.best = {name: value.clone() for name, value in model.state_dict().items()}
    last = progress.step - 1
    return {
        "epoch": progress.epoch,
        "step": progress.step,
        "lr": schedules.lr(last),
        "kl_weight": schedules.kl_weight(last),
        "train": train_means,
        "validation": validation_means,
        "monitor": monitor,
    }


def _finished(progress: Progress, settings: TrainSettings) -> bool:
    """Tell whether all epochs ran or the monitor stopped improving; the KL's warm-up doesn't count against it."""
    since = max(progress.best_epoch, ceil(settings.kl_warmup * settings.epochs))
    return progress.epoch >= settings.epochs or progress.epoch - since >= settings.patience


def _keep_lines(path: Path, count: int) -> None:
    """Cut the metrics back to those that a checkpoint knows."""
    lines = path.read_text().splitlines(keepends=True)[:count] if path.exists() else []
    write_text(path, "".join(lines))


class _Sums:
    """Whole-set sums of named terms, kept on the device so that no step waits for it."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def add(self, terms: Mapping[str, Term]) -> None:
        for name, term in terms.items():
            value = term.value.detach().sum(dtype=torch.float64)
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def means(self, rows: int) -> dict[str, float]:
        return {name: value.item() / rows for name, value in self.sums.items()}
