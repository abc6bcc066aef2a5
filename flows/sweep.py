"""The deployed sweep: better settings found on HEAD, in a worktree of its own, which leaves a DVC experiment.

Registered by ``hourglass deploy``. A run that is started again goes on with the trials of the one before.
"""

import re
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Crashed, Failed

from flows.holding import held
from hourglass import children, slots
from hourglass import params as settings
from hourglass.children import CommandInterruptedError
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.worktrees import worktree

#: The lines that the end of a run repeats.
_TOLD = re.compile(r"\d+ trials; best is |The experiment |The settings of |Without git |`dvc exp show` ")


@flow(name="sweep", persist_result=False)
def sweep(variant: str | None = None, trials: int | None = None) -> State[Any]:
    """Train a variant under many settings, with HEAD's code, data and space.

    Parameters
    ----------
    variant : str, optional
        By default the only one that ``sweep.space`` or ``variants`` names.
    trials : int, optional
        By default ``sweep.trials``; more than before are added to the same sweep.
    """
    project, log, told = Project.find(), get_run_logger(), []

    def on_line(line: str) -> None:
        log.info("%s", line)
        if _TOLD.match(line):
            told.append(line)

    try:
        gpus = slots.gpus() if settings.load(project.params_file).train.device != "cpu" else ()
        with held(gpus) as environment, worktree(project) as apart:
            shared = {"HOURGLASS_HOME": str(project.home), "PYTHONPATH": str(apart.root / "src")}
            children.run(apart, "hourglass", _command(variant, trials), on_line, environment | shared)
    except CommandInterruptedError as killed:
        return Crashed(message=str(killed))
    except HourglassError as problem:
        return Failed(message=str(problem))
    return Completed(message=" ".join(told))


def _command(variant: str | None, trials: int | None) -> list[str]:
    return ["sweep", *([variant] if variant else []), *(["--trials", str(trials)] if trials else [])]
