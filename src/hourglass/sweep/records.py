"""What came of the trials of a sweep: a line each in a file of the shared state."""

import csv
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from hourglass.files import read_json, write_json, write_text
from hourglass.project import Project

#: What a sweep is of; its trials, for programs that go on from them; a table of them, for others.
ABOUT, TRIALS, TABLE = "sweep.json", "trials.jsonl", "trials.csv"

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A training under some settings.

    Parameters
    ----------
    number : int
        From 0: the settings as they stood in ``params.yaml``.
    settings : dict
        What the sweep set, by dotted names.
    state : str
        ``pruned`` trainings were ended early, ``failed`` ones diverged or were refused.
    value : float or None
        What the sweep chooses by; None unless complete.
    monitor : list of float
        After each epoch, on validation.
    problem : str
        Why it failed, in a sentence.
    """

    number: int
    settings: dict[str, Any]
    state: State
    value: float | None = None
    monitor: list[float] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class About:
    """What a sweep is of.

    Parameters
    ----------
    variant : str
    metric : str
        ``monitor``, or what ranks variants on selection.
    larger_is_better : bool
    space : dict
        As ``params.yaml`` has it.
    dataset : str
        DVC's hash of the data set that all trials were trained on.
    inputs : dict
        What else decides the results.
    """

    variant: str
    metric: str
    larger_is_better: bool
    space: dict[str, Any]
    dataset: str
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Records:
    """The folder of a sweep."""

    folder: Path

    def begin(self, about: About) -> None:
        """Say what the sweep is of, if it is new; and end what a killed process was just doing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / ABOUT, asdict(about))
        whole = [line for line in self._lines() if line.endswith("\n")]
        write_text(self.folder / TRIALS, "".join(whole))
        self._close()

    @property
    def about(self) -> About:
        """What the sweep is of."""
        return About(**read_json(self.folder / ABOUT))

    @property
    def trials(self) -> list[Trial]:
        """What came of each trial, in their order."""
        return [Trial(**json.loads(line)) for line in self._lines() if line.endswith("\n")]

    def add(self, trial: Trial) -> None:
        """Keep what came of a trial."""
        with (self.folder / TRIALS).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(trial), sort_keys=True, allow_nan=False) + "\n")
        self._close()

    def work(self, number: int) -> Path:
        """Give the folder that a trial works in."""
        return self.folder / f"trial-{number}"

    def _close(self) -> None:
        """Write the table of what is kept, and drop what trials worked with."""
        trials = self.trials
        write_text(self.folder / TABLE, table(trials))
        for trial in trials:
            shutil.rmtree(self.work(trial.number), ignore_errors=True)

    def _lines(self) -> list[str]:
        path = self.folder / TRIALS
        return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []


def folder_of(project: Project) -> Path:
    """Give the folder of all sweeps."""
    return project.state / "sweeps"


def latest(project: Project, variant: str, dataset: str) -> Records | None:
    """Find the sweep of a variant on a data set that was last added to."""
    found = [Records(path.parent) for path in folder_of(project).glob(f"{variant}-*/{TRIALS}")]
    ours = [one for one in found if (one.about.variant, one.about.dataset) == (variant, dataset) and one.trials]
    return max(ours, key=lambda one: (one.folder / TRIALS).stat().st_mtime, default=None)


def best(trials: Iterable[Trial], *, larger_is_better: bool) -> Trial | None:
    """Choose the best complete trial, the first of equals; None where there is none."""
    sign = -1 if larger_is_better else 1
    complete = [(sign * trial.value, trial.number, trial) for trial in trials if trial.value is not None]
    return min(complete)[2] if complete else None


def table(trials: Sequence[Trial]) -> str:
    """Write trials as CSV: a row each, a column for each setting."""
    names = sorted({name for trial in trials for name in trial.settings})
    stream = StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["trial", "state", "value", "epochs", *names, "problem"])
    for trial in trials:
        value = "" if trial.value is None else repr(trial.value)
        settings = [shown(trial.settings[name]) if name in trial.settings else "" for name in names]
        rows.writerow([trial.number, trial.state, value, len(trial.monitor), *settings, trial.problem])
    return stream.getvalue()


def shown(value: Any) -> str:
    """Write the value of a setting as ``params.yaml`` and ``dvc exp run -S`` take it."""
    return value if isinstance(value, str) else json.dumps(value)
