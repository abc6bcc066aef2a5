"""Ensembles: the same variant under several seeds."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hourglass.errors import HourglassError
from hourglass.models.shared import sharing
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.training.checkpoint import Finished
from hourglass.training.loop import Record, Training
from hourglass.training.settings import TrainSettings
from hourglass.training.source import Resident, Source, as_source
from hourglass.training.steps import Due
from hourglass.training.together import Together

#: Holds the weights of a member that is trained, and what came of its courses; the caller removes it.
TRAINED_FILE = "trained.safetensors"


@dataclass(frozen=True)
class Member:
    """A net of an ensemble.

    Parameters
    ----------
    model : Variant
        Untrained, of this seed.
    seed : int
        Of the order of rows and all noise.
    folder : Path
        Gets the metrics, and what a repeated call goes on from.
    """

    model: Variant
    seed: int
    folder: Path


def fit_members(
    members: Sequence[Member],
    train: Batch | Source,
    validation: Batch | Source,
    settings: TrainSettings,
    *,
    on_epoch: Callable[[Record], None] | None = None,
) -> list[list[Finished]]:
    """Train each member as `fit` trains it alone, to the bit, and leave it with the weights of its best epoch.

    One member is no ensemble, but a net alone.

    Small nets in memory, on a CPU, take their steps at once; others are trained in turn, and so is the rest where the
    members' steps differ. A repeated call goes on where a killed one stopped.

    Parameters
    ----------
    members : sequence of Member
    train, validation : Batch or Source
    settings : TrainSettings
    on_epoch : callable, optional
        Called with each record of each member.

    Returns
    -------
    list of list of Finished
        For each member what `fit` returns.

    Raises
    ------
    HourglassError
        As `fit` does; the sentence names the member.
    """
    train, validation = as_source(train), as_source(validation)
    for member in members:
        member.folder.mkdir(parents=True, exist_ok=True)
    trainings = [
        _OfMember(
            member,
            f"member {number} of {len(members)} (seed {member.seed}): " if len(members) > 1 else "",
            Training(member.model, train, validation, settings, member.seed, member.folder, on_epoch),
        )
        for number, member in enumerate(members, start=1)
    ]
    sharing.wait()  # until all have seen which members are done
    if isinstance(train, Resident) and train.device.type == "cpu" and sharing.processes() == 1:
        _take_together([training for training in trainings if training.finished is None])
    return [training.run() for training in trainings]


class _OfMember:
    """A member's training, of which one step is due unless it is over."""

    def __init__(self, member: Member, name: str, training: Training) -> None:
        self._member, self._name, self._training = member, name, training
        self._coming = training.steps()
        self._file = member.folder / TRAINED_FILE
        self.due: Due | None = None
        self.finished = self._read() if self._file.exists() else None

    @property
    def place(self) -> tuple[int, int]:
        """How far it is: courses behind it, and steps of the present one."""
        assert self.due is not None  # noqa: S101
        progress = self._training.progress
        return len(progress.finished), progress.step - progress.first_step

    def advance(self) -> None:
        """Go on to the next step."""
        try:
            self.due = next(self._coming)
        except StopIteration:
            self.due, self.finished = None, self._training.progress.finished
            if sharing.number() == 0:
                self._write(self.finished)
            sharing.wait()
        except HourglassError as wrong:
            raise HourglassError(f"{self._name}{wrong}") from wrong

    def run(self) -> list[Finished]:
        """Take all steps that are left, one by one."""
        while self.finished is None:
            if self.due is not None:
                self.due.take()
            self.advance()
        return self.finished

    def _write(self, finished: list[Finished]) -> None:
        weights = {name: value.detach().cpu().clone() for name, value in self._member.model.state_dict().items()}
        coming = self._file.with_suffix(".coming")
        save_file(weights, coming, metadata={"courses": json.dumps([asdict(course) for course in finished])})
        coming.replace(self._file)

    def _read(self) -> list[Finished]:
        self._member.model.load_state_dict(load_file(self._file))
        with safe_open(self._file, framework="pt") as stored:
            return [Finished(**course) for course in json.loads(stored.metadata()["courses"])]


def _take_together(trainings: Sequence[_OfMember]) -> None:
    """Take steps at once of those that are at the same place; those behind catch up first, those ahead wait."""
    for training in trainings:
        training.advance()
    while len(going := [training for training in trainings if training.due is not None]) > 1:
        places = [training.place for training in going]
        group = [training for training, place in zip(going, places, strict=True) if place == min(places)]
        ahead = min((place for place in places if place > min(places)), default=None)
        together = Together([one.steps for one in _due(group)])
        while [one.steps for one in _due(group)] == together.members and group[0].place != ahead:
            together(_due(group))
            for training in group:
                training.advance()
            if together.refusal is not None:
                break
        together.part()
        if together.refusal is not None:
            return


def _due(group: Sequence[_OfMember]) -> list[Due]:
    return [training.due for training in group if training.due is not None]
