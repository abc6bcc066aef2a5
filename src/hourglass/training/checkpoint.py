"""Checkpoints that make a resumed training equal to an uninterrupted one, bit for bit."""

import json
import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hourglass.files import digest, sha256_of, write_json
from hourglass.training.adam import AdamW

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """What came of a course.

    Parameters
    ----------
    course : str
    monitor : list of str or None
        The terms that decided; None: the objective itself.
    epoch, step : int
        Finished epochs and steps, over this course and those before.
    best : float or None
        Lowest monitor.
    best_epoch : int
        The epoch that reached it, whose weights were kept.
    """

    course: str
    monitor: list[str] | None
    epoch: int
    step: int
    best: float | None
    best_epoch: int


@dataclass
class Progress:
    """How far a training has come.

    Parameters
    ----------
    epoch, step : int
        Finished epochs and steps, over all courses.
    best : float or None
        Lowest monitor of the course so far; None before its first epoch.
    best_epoch : int
        The epoch that reached it, from 1.
    lowered : int
        Times that the learning rate was lowered in the course.
    lowered_epoch : int
        The epoch after which it was lowered last.
    finished : list of Finished
        The courses before.
    """

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = 0
    lowered: int = 0
    lowered_epoch: int = 0
    finished: list[Finished] = field(default_factory=list)

    @property
    def first_epoch(self) -> int:
        """Epochs before the course."""
        return self.finished[-1].epoch if self.finished else 0

    @property
    def first_step(self) -> int:
        """Steps before the course."""
        return self.finished[-1].step if self.finished else 0

    def finish(self, course: str, monitor: Collection[str] | None) -> None:
        """End a course."""
        named = None if monitor is None else list(monitor)
        self.finished.append(Finished(course, named, self.epoch, self.step, self.best, self.best_epoch))
        self.best, self.best_epoch = None, self.epoch
        self.lowered, self.lowered_epoch = 0, self.epoch

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Progress":
        """Read what ``asdict`` gave."""
        return cls(**content | {"finished": [Finished(**entry) for entry in content["finished"]]})


@dataclass
class Trainee:
    """Everything that changes while a model is trained.

    Parameters
    ----------
    model : Module
    optimizers : dict of str to AdamW
        By the phase that they belong to.
    generators : dict of str to Generator
        Every source of randomness.
    best : dict of str to Tensor
        The weights at the lowest monitor.
    progress : Progress
    """

    model: nn.Module
    optimizers: dict[str, AdamW]
    generators: dict[str, torch.Generator]
    best: dict[str, Tensor]
    progress: Progress

    def tensors(self) -> dict[str, Tensor]:
        """All state that is tensors, by a flat name."""
        flat = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        flat |= {f"best.{name}": value for name, value in self.best.items()}
        flat |= {f"generator.{name}": source.get_state() for name, source in self.generators.items()}
        for phase, optimizer in self.optimizers.items():
            flat |= {f"optimizer.{phase}.{name}": value for name, value in optimizer.state().items()}
        return flat

    def restore(self, flat: dict[str, Tensor], progress: Progress) -> None:
        """Take over what `tensors` gave."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "generator": {}, "optimizer": {}}
        for name, value in flat.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        self.model.load_state_dict(parts["model"])
        self.best = parts["best"]
        for name, source in self.generators.items():
            source.set_state(parts["generator"][name])
        for phase, optimizer in self.optimizers.items():
            for name, value in optimizer.state().items():
                value.copy_(parts["optimizer"][f"{phase}.{name}"])
        self.progress = progress


class Checkpoint:
    """The latest state of a training in a folder: ``checkpoint.json`` names and hashes a safetensors file.

    The JSON file is replaced last, so a process killed at any moment leaves the previous checkpoint or the new one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / "checkpoint.json"

    def save(self, trainee: Trainee) -> None:
        """Write the state and drop the one before."""
        tensors = {name: value.detach().contiguous().cpu() for name, value in trainee.tensors().items()}
        weights = self.folder / f"checkpoint-{trainee.progress.epoch}.safetensors"
        save_file(tensors, weights)
        progress = asdict(trainee.progress)
        write_json(self.index, {"progress": progress, "file": weights.name, "sha256": _sha256(weights, progress)})
        self._drop(keep=weights.name)

    def load_into(self, trainee: Trainee) -> bool:
        """Restore the state if there is a whole one; a damaged one is dropped with a warning.

        Returns
        -------
        bool
            Whether a state was restored.
        """
        if not self.index.exists():
            return False
        try:
            content = json.loads(self.index.read_text())
            weights = self.folder / content["file"]
            if _sha256(weights, content["progress"]) != content["sha256"]:
                raise ValueError(f"{weights.name} or {self.index.name} differs from its hash")  # noqa: TRY301
            tensors, progress = load_file(weights), Progress.of(content["progress"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as damage:
            logger.warning("checkpoint in %s is damaged (%s); training starts over", self.folder, damage)
            self.clear()
            return False
        trainee.restore(tensors, progress)
        return True

    def clear(self) -> None:
        """Remove the checkpoint."""
        self.index.unlink(missing_ok=True)
        self._drop()

    def _drop(self, keep: str | None = None) -> None:
        for path in self.folder.glob("checkpoint-*.safetensors"):
            if path.name != keep:
                path.unlink()


def _sha256(weights: Path, progress: dict[str, Any]) -> str:
    return digest([sha256_of(weights), progress])
