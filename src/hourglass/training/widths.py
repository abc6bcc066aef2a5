"""``latent: auto``: the width of a code after which a wider one hardly helps."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from math import ceil, prod, sqrt
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hourglass.models.shared import sharing
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.training.loop import EVALUATION_ROWS, Record, fit
from hourglass.training.settings import TrainSettings
from hourglass.training.source import Source, as_source

#: Standard errors that a gain must exceed, so that chance among the held-out rows is no gain.
_STANDARD_ERRORS = 2.0
#: Widths without a gain, one after the other, that end the growth; one may be a training that went badly.
_MISSES = 2


#: Takes a width and its epochs, and gives what shows the epochs as they end.
Watch = Callable[[int, int], AbstractContextManager[Callable[[Record], None]]]


@dataclass(frozen=True)
class Tried:
    """How a width did.

    Parameters
    ----------
    latent : int
    error, error_se : float
        Mean squared error of the validation rows' values without noise, in the net's units, and its standard error.
    monitor : float
        Lowest monitor.
    epochs, best_epoch : int
        Epochs that ran, and the one whose weights were measured.
    """

    latent: int
    error: float
    error_se: float
    monitor: float
    epochs: int
    best_epoch: int


@dataclass(frozen=True)
class Widths:
    """What a search found: the chosen width, and all that were tried, in ascending order."""

    chosen: int
    tried: list[Tried]


def choose(
    build: Callable[[int], Variant],
    train: Batch | Source,
    validation: Batch | Source,
    settings: TrainSettings,
    *,
    narrowest: int,
    widest: int,
    seed: int,
    folder: Path,
    watch: Watch,
) -> Widths:
    """Double the width of a code for as long as that clearly lowers the held-out error.

    Each width gets a short training of its own, of the first course alone. A wider code counts as better if it lowers
    the mean squared error of validation by more than ``auto_gain``, relative to the best width before, and by more than
    twice the standard error of the rows' differences. Two widths in a row that are no better end the growth, and so
    does the width of a row, where a code could copy. At last the width halfway down to the next narrower one is tried,
    and taken unless the wider one is clearly better.

    Parameters
    ----------
    build : callable
        Makes an untrained net of a width, on the device of the rows.
    train, validation : Batch or Source
    settings : TrainSettings
        Of the whole training; ``auto_epochs`` is the share of its epochs that a width gets.
    narrowest : int
        The first width; all others are multiples of it.
    widest : int
        None is wider.
    seed : int
    folder : Path
        Where results and checkpoints are kept, so that a repeated call goes on where a killed one stopped; the caller
        removes it.
    watch : Watch

    Returns
    -------
    Widths
    """
    folder.mkdir(exist_ok=True)
    short = replace(settings, epochs=ceil(settings.auto_epochs * settings.epochs))
    search = _Search(build, as_source(train), as_source(validation), short, seed, folder, watch)
    widened = search.widened(narrowest, below=min(prod(search.train.shape), widest + 1))
    chosen = search.between(widened, step=narrowest)
    return Widths(chosen, [search.tried[latent] for latent in sorted(search.tried)])


def ends(variant: type[Variant], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the ``narrowest`` and the ``widest`` code that `choose` may try under the other settings of a variant."""
    return {"narrowest": variant.narrowest(settings), "widest": variant.widest(settings)}


def clearly_lower(errors: Tensor, others: Tensor, gain: float) -> bool:
    """Tell whether rows' errors are lower than others by a share of those, and by more than chance among rows.

    Parameters
    ----------
    errors, others : Tensor of shape (rows,)
        Of the same rows.
    gain : float
    """
    saved = others - errors
    by_chance = _STANDARD_ERRORS * _standard_error(saved)
    return bool(saved.mean() > max(gain * others.mean().item(), by_chance))


@dataclass(frozen=True)
class _Search:
    """Short trainings, each at a width, and what came of those that were tried.

    Parameters
    ----------
    build, train, validation, seed, folder, watch
        As of `choose`.
    settings : TrainSettings
        Of a short training.
    """

    build: Callable[[int], Variant]
    train: Source
    validation: Source
    settings: TrainSettings
    seed: int
    folder: Path
    watch: Watch
    tried: dict[int, Tried] = field(default_factory=dict)
    errors: dict[int, Tensor] = field(default_factory=dict)

    def widened(self, width: int, below: int) -> int:
        """Double a width until that gains nothing; give the widest that gained."""
        self._try(width)
        best, misses = width, 0
        while (width := 2 * width) < below and misses < _MISSES:
            self._try(width)
            if self._is_better(width, best):
                best, misses = width, 0
            else:
                misses += 1
        return best

    def between(self, width: int, step: int) -> int:
        """Give the width halfway down to half of one, unless the wider one is clearly better."""
        narrower = 3 * width // 4
        if narrower == width // 2 or narrower % step:
            return width
        self._try(narrower)
        return width if self._is_better(width, narrower) else narrower

    def _is_better(self, width: int, other: int) -> bool:
        return clearly_lower(self.errors[width], self.errors[other], self.settings.auto_gain)

    def _try(self, latent: int) -> None:
        """Train at a width and measure every validation row, or read what came of it before."""
        result = self.folder / f"{latent}.safetensors"
        if not result.exists():
            self._train(latent, result)
        with safe_open(result, framework="pt") as stored:
            errors, facts = stored.get_tensor("errors"), stored.metadata()
        self.errors[latent] = errors
        self.tried[latent] = Tried(
            latent=latent,
            error=errors.mean().item(),
            error_se=_standard_error(errors),
            monitor=float(facts["monitor"]),
            epochs=int(facts["epochs"]),
            best_epoch=int(facts["best_epoch"]),
        )

    def _train(self, latent: int, result: Path) -> None:
        """Train at a width, and write the rows' errors; of processes that train together the first one does."""
        place = self.folder / str(latent)
        place.mkdir(exist_ok=True)
        model = self.build(latent)
        rows = self.train, self.validation
        with self.watch(latent, self.settings.epochs) as show:
            (course,) = fit(
                model, *rows, self.settings, seed=self.seed, folder=place, on_epoch=show, first_course_only=True
            )
        errors = _errors(model, self.validation)
        facts = {"monitor": repr(course.best), "epochs": str(course.epoch), "best_epoch": str(course.best_epoch)}
        if sharing.number() == 0:
            save_file({"errors": errors.cpu()}, place / result.name, metadata=facts)
            (place / result.name).replace(result)
            shutil.rmtree(place)
        sharing.wait()


def _errors(model: Variant, rows: Source) -> Tensor:
    """Mean squared error of each row's values: float64 of shape (rows,)."""
    model.eval()
    with torch.no_grad():
        return torch.cat(
            [
                (_reconstruct(model, batch) - batch.target).square().flatten(1).mean(1, dtype=torch.float64)
                for batch in rows.in_order(EVALUATION_ROWS)
            ]
        )


def _reconstruct(model: Variant, batch: Batch) -> Tensor:
    known: tuple[Tensor | None, ...] = (batch.condition,) if model.conditional else ()
    return model.reconstruct(batch.x, *known)


def _standard_error(values: Tensor) -> float:
    return values.std(correction=0).item() / sqrt(len(values))
