"""The best settings of a sweep as an experiment of DVC, and what the terminal says of a sweep."""

import math
import shlex
from collections.abc import Callable

from hourglass import dvc_repo
from hourglass.git import git, has_repository
from hourglass.project import Project
from hourglass.sweep.records import TABLE, Trial, shown
from hourglass.sweep.search import Sweep


def line(sweep: Sweep) -> str:
    """Say in a line how the last trial went."""
    trial = sweep.trials[-1]
    epochs = f"{len(trial.monitor)} epoch{'' if len(trial.monitor) == 1 else 's'}"
    came_to = {
        "complete": f"{_value(sweep, trial)} after {epochs}",
        "pruned": f"ended after {epochs}, worse than most",
        "failed": f"failed: {trial.problem}",
    }[trial.state]
    best = f" (best so far: trial {sweep.best.number})" if any(one.value is not None for one in sweep.trials) else ""
    return f"trial {trial.number}: {words(trial)}: {came_to}{best}"


def summary(sweep: Sweep) -> str:
    """Say which settings did best, where the trials are written down, and how the best are made an experiment."""
    best = sweep.best
    return (
        f"{len(sweep.trials)} trials; best is trial {best.number}: {words(best)}: {_value(sweep, best)}.\n"
        f"Trials: {sweep.records.folder / TABLE}\n"
        f"As an experiment: {shlex.join(['dvc', *command(sweep)])}"
    )


def words(trial: Trial) -> str:
    """Write the settings of a trial in a line."""
    return ", ".join(f"{name} {shown(value)}" for name, value in trial.settings.items())


def command(sweep: Sweep) -> list[str]:
    """Give the arguments of DVC that make the best settings an experiment, apart from the workspace."""
    flags = [part for one in assignments(sweep) for part in ("--set-param", one)]
    return ["exp", "run", "--temp", "--name", _name(sweep), *flags]


def assignments(sweep: Sweep) -> list[str]:
    """Write the best settings as DVC takes them: with a plus where ``params.yaml`` doesn't have the setting yet."""
    there = sweep.about.inputs["params"]
    parts = {name: name.partition(".") for name in sweep.best.settings}
    pluses = {name: "" if key in there[section] else "+" for name, (section, _, key) in parts.items()}
    return [f"{pluses[name]}{name}={shown(value).replace(' ', '')}" for name, value in sweep.best.settings.items()]


def make_experiment(project: Project, sweep: Sweep, on_line: Callable[[str], object]) -> str:
    """Have DVC run the pipeline under the best settings, as an experiment; say in a sentence what came of it.

    Raises
    ------
    HourglassError
        DVC or a stage failed.
    """
    if sweep.best.number == 0:
        return "The settings of params.yaml did best, so there is nothing to change."
    if not has_repository(project.root):
        return f"Without git DVC has no experiments; set {words(sweep.best)} in params.yaml and run `dvc repro`."
    if _exists(project, _name(sweep)):
        return f"The experiment {_name(sweep)} is there already; `dvc exp apply {_name(sweep)}` takes it over."
    dvc_repo.run(project, command(sweep), on_line)
    return f"`dvc exp show` compares the experiment {_name(sweep)}; `dvc exp apply {_name(sweep)}` takes it over."


def _value(sweep: Sweep, trial: Trial) -> str:
    return f"{sweep.about.metric} {math.nan if trial.value is None else trial.value:.6g}"


def _name(sweep: Sweep) -> str:
    return f"{sweep.name}-trial-{sweep.best.number}"


def _exists(project: Project, name: str) -> bool:
    refs = git(project.root, "for-each-ref", "--format=%(refname)", "refs/exps/").splitlines()
    return any(ref.rpartition("/")[2] == name for ref in refs)
