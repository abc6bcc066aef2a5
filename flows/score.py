"""The deployed scoring: new files in a folder, each judged by the champion.

Registered by ``hourglass deploy``. A run that was killed is made up for by the next: finished shards are kept.
"""

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.holding import held
from hourglass import params as settings
from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import consume
from hourglass.runtime import InputError
from hourglass.use import arrivals


@flow(name="score", persist_result=False)
def score(source: str | None = None) -> State[Any]:
    """Score each file that isn't scored; one that can't be is named, and the others are scored all the same.

    Parameters
    ----------
    source : str, optional
        Folder whose files are scored; by default ``score.source``.
    """
    project = Project.find()
    params = settings.load(project.params_file)
    try:
        with held(()):
            return _score(project, params, source)
    except HourglassError as problem:
        return Failed(message=str(problem))


def _score(project: Project, params: Params, source: str | None) -> State[Any]:
    log, failed = get_run_logger(), []
    output = project.root / params.score.output
    waiting = arrivals.waiting(_folder(project, params, source), output)
    if not waiting:
        return Completed(message="Nothing new.")
    model, uri = consume.champion(project, params.registry.name)
    for arrived in waiting:
        try:
            log.info("%s", arrivals.score(model, uri, arrived, output, params.data))
        except (HourglassError, InputError, OSError) as problem:
            log.warning("%s", problem)
            failed.append(f"{arrived.name}: {problem}")
    told = f"{len(waiting) - len(failed)} of {len(waiting)} new files scored by {uri}."
    return Failed(message=" ".join([told, *failed])) if failed else Completed(message=told)


def _folder(project: Project, params: Params, source: str | None) -> Path:
    named = source or params.score.source
    if named is None:
        raise HourglassError("params.yaml: score.source is null; name the folder whose files shall be scored.")
    return project.root / named
