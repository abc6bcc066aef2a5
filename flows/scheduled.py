"""The deployed flow: retrain by itself, in a worktree of its own.

Registered by ``hourglass deploy``. The server lets one of its runs work at a time and refuses the others.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import flow, get_run_logger, runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Crashed, Failed, Scheduled

from hourglass import databranch
from hourglass.children import CommandInterruptedError
from hourglass.errors import HourglassError
from hourglass.git import git, has_repository
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.retraining import retrain_apart

_ALIVE = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING]))
_DUE = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
#: A run that is cancelled holds its place until its hooks have ended, and workers take runs ten seconds early.
_PAUSE = timedelta(seconds=30)
_TOLD = re.compile(r"\d+ stages? ran\.|Gate: |Champion: ")


def again_on_new_data(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Start a run for data that came while this one worked: the run that it started itself was refused.

    This one has ended, so data that comes from now on starts its own.
    """
    began = flow_run.start_time
    if flow_run.deployment_id and began and _newest_data(Project.find()) >= int(began.timestamp()):
        with get_client(sync_client=True) as client:
            client.create_flow_run_from_deployment(
                flow_run.deployment_id, state=Scheduled(scheduled_time=datetime.now(UTC) + _PAUSE)
            )


def _newest_data(project: Project) -> float:
    if has_repository(project.root) and (tip := databranch.tip(project)):
        return float(git(project.root, "log", "-1", "--format=%ct", tip))
    return (project.root / databranch.DATA_FILE).stat().st_mtime


@flow(
    name="scheduled-retrain",
    persist_result=False,
    on_completion=[again_on_new_data],
    on_failure=[again_on_new_data],
    on_cancellation=[again_on_new_data],
)
def scheduled_retrain(settings: dict[str, Any] | None = None) -> State[Any]:
    """Retrain with HEAD's code and settings on the newest data.

    Parameters
    ----------
    settings : dict, optional
        What to change in params.yaml for this run alone: ``{"vae.latent": 4}``.
    """
    # while the server was away, an attempt that lives may have been taken for dead: let it end
    with locked(Project.find(), f"flow run {runtime.flow_run.id}"):
        _clear_up(settings)
        return _retrain(settings or {})


def _retrain(settings: dict[str, Any]) -> State[Any]:
    log, told = get_run_logger(), []

    def on_line(line: str) -> None:
        log.info("%s", line)
        if _TOLD.match(line):
            told.append(line)

    try:
        done = retrain_apart(Project.find(), settings, on_line)
    except CommandInterruptedError as killed:
        return Crashed(message=str(killed))
    except HourglassError as problem:
        return Failed(message=str(problem))
    left = done.tag or done.folder or "nothing, as nothing differs from what is there"
    return Completed(message=" ".join([*told, f"It left {left}."]))


def _clear_up(settings: dict[str, Any] | None) -> None:
    """Settle what other runs left that this one stands for."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.deployment_id is None:
        return
    with get_client(sync_client=True) as client:
        _bury(client, run)
        if not settings:
            _skip(client, run)


def _bury(client: SyncPrefectClient, run: FlowRun) -> None:
    """Mark the run inside a killed attempt of this run, which died with it."""
    inside = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"part-of:{run.id}"]), state=_ALIVE)
    for dead in _read(client, inside):
        client.set_flow_run_state(dead.id, Crashed(message="the scheduled run that it was part of was killed"))


def _skip(client: SyncPrefectClient, run: FlowRun) -> None:
    """Catch up once after an outage: this run stands for all that the schedule made due until now.

    The server lets only this one work, so the others can't be left to do it; they would do the same.
    """
    due = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        state=_DUE,
        expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
    )
    for other in _read(client, due):
        if other.auto_scheduled and other.id != run.id:
            client.set_flow_run_state(
                other.id, Cancelled(name="Skipped", message=f"it was late, and run {run.name} catches up for it")
            )


def _read(client: SyncPrefectClient, chosen: FlowRunFilter) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=chosen, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200)
