"""Register retraining, sweep, scoring and monitoring with a Prefect server, and work for them on this machine.

``hourglass deploy`` and ``hourglass serve``. Names, schedule and counts come from ``params.yaml``, the rest from
``prefect.yaml``. What is registered already as it should be is left alone: a schedule that is registered anew would
forget the runs that an outage made late.
"""

import os
import signal
import socket
import sys
import tomllib
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import DeploymentSort
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.utilities.callables import parameter_schema_from_entrypoint
from prefect.workers.process import ProcessWorker
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from flows import automations
from hourglass import children, slots
from hourglass import params as settings
from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.project import Project

FLOW, SWEEP, SCORE, MONITOR = "scheduled-retrain", "sweep", "score", "monitor"
#: What starts a flow that has no schedule.
_STARTED = {FLOW: "by hand, on new data and on drift", SWEEP: "by hand", SCORE: "by hand", MONITOR: "by hand"}

Done = Literal["created", "updated", "unchanged", "removed"]


@dataclass(frozen=True)
class Entry:
    """Something that the server holds for us, or did."""

    kind: str
    name: str
    says: str
    done: Done


def deploy(project: Project, params: Params) -> list[Entry]:
    """Bring what the server holds up to date with ``params.yaml`` and ``prefect.yaml``.

    Raises
    ------
    HourglassError
        No server is named or it can't be reached, or the schedule is wrong.
    """
    described = dict(zip(_STARTED, YAML(typ="safe").load(project.root / "prefect.yaml")["deployments"], strict=True))
    crons = {
        FLOW: ("schedule.cron", params.schedule.cron),
        SWEEP: ("sweep.cron", params.sweep.cron),
        SCORE: ("score.cron", params.score.cron),
        MONITOR: ("monitor.cron", params.monitor.cron),
    }
    zone = params.schedule.timezone
    schedules = {flow: _schedules(*cron, zone) for flow, cron in crons.items()}
    api = _server_address()
    with get_client(sync_client=True) as client:
        try:
            client.hello()
        except httpx.HTTPError as problem:
            raise HourglassError(f"Prefect's API at {api} can't be reached ({problem}).") from problem
        entries = [_work_pool(client, described[FLOW]["work_pool"]["name"]), *_limits(client, params)]
        former = []
        for flow, section in described.items():
            found, entry = _deployment(client, project, params, flow, section, schedules[flow])
            entries.append(entry)
            if flow == FLOW:
                wanted = automations.of(params.registry.name, str(found.id))
                entries += [_automation(client, automation) for automation in wanted]
            former += _remove_former(client, flow, found)
        return [*entries, *former]


def _server_address() -> str:
    api = get_current_settings().api.url
    if not api:
        raise HourglassError(
            "PREFECT_API_URL is not set, so there is no Prefect server to deploy to; start one with `prefect server "
            "start` and run `export PREFECT_API_URL=http://127.0.0.1:4200/api`."
        )
    return api


def _schedules(key: str, cron: str | None, timezone: str) -> list[DeploymentScheduleCreate]:
    if cron is None:
        return []
    try:
        schedule = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as invalid:
        raise HourglassError(
            f"params.yaml: {key} is {cron!r}; it should be minute, hour, day of the month, month and "
            "day of the week, such as '0 3 * * 1-5' (03:00 on working days)."
        ) from invalid
    return [DeploymentScheduleCreate(schedule=schedule, active=True)]


def _work_pool(client: SyncPrefectClient, name: str) -> Entry:
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        return Entry("work pool", name, "process", "created")
    if pool.type != "process":
        raise HourglassError(
            f"the server's work pool {name!r} is of type {pool.type!r}, not 'process'; give prefect.yaml another name."
        )
    return Entry("work pool", name, "process", "unchanged")


def _limits(client: SyncPrefectClient, params: Params) -> list[Entry]:
    wanted = {slots.CPU: params.run.slots, slots.GPU: params.run.gpus or len(slots.gpus())}
    return [_limit(client, name, count) for name, count in wanted.items() if count]


def _limit(client: SyncPrefectClient, name: str, count: int) -> Entry:
    done: Done = "unchanged"
    try:
        if client.read_global_concurrency_limit_by_name(name).limit != count:
            client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=count))
            done = "updated"
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=count))
        done = "created"
    return Entry("limit", name, f"{count} at once", done)


def _deployment(
    client: SyncPrefectClient,
    project: Project,
    params: Params,
    flow: str,
    described: dict[str, Any],
    schedules: list[DeploymentScheduleCreate],
) -> tuple[DeploymentResponse, Entry]:
    name, limit = params.registry.name, described["concurrency_limit"]
    entrypoint = described["entrypoint"]
    wanted: dict[str, Any] = {
        "entrypoint": entrypoint,
        "description": described["description"],
        "tags": [name],
        "work_pool_name": described["work_pool"]["name"],
        "job_variables": {"env": _environment(project)} | described["work_pool"]["job_variables"],
        "pull_steps": [
            {"prefect.deployments.steps.set_working_directory": {"id": "project", "directory": str(project.root)}}
        ],
        "parameter_openapi_schema": parameter_schema_from_entrypoint(str(project.root / entrypoint)).model_dump(),
        "enforce_parameter_schema": True,
        "concurrency_options": ConcurrencyOptions(collision_strategy=limit["collision_strategy"]),
    }
    crons = [one.schedule for one in schedules if isinstance(one.schedule, CronSchedule)]
    says = " ".join(f"{cron.cron} {cron.timezone}" for cron in crons) or _STARTED[flow]
    found = _found(client, f"{flow}/{name}")
    if found and _is_up_to_date(found, wanted, schedules, limit["limit"]):
        return found, Entry("deployment", f"{flow}/{name}", says, "unchanged")
    client.create_deployment(
        client.create_flow_from_name(flow), name, schedules=schedules, concurrency_limit=limit["limit"], **wanted
    )
    deployment = client.read_deployment_by_name(f"{flow}/{name}")
    return deployment, Entry("deployment", f"{flow}/{name}", says, "updated" if found else "created")


def _environment(project: Project) -> dict[str, str]:
    """Tell the flow what a worker that was started elsewhere doesn't know: how often to be heard, and our state."""
    ours = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["prefect"]
    beats = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(ours["flows"]["heartbeat_frequency"])}
    return beats | ({"HOURGLASS_HOME": str(project.home)} if "HOURGLASS_HOME" in os.environ else {})


def _found(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _is_up_to_date(
    found: DeploymentResponse, wanted: dict[str, Any], schedules: list[DeploymentScheduleCreate], limit: int
) -> bool:
    held = found.global_concurrency_limit.limit if found.global_concurrency_limit else None
    return (
        held == limit
        and [entry.schedule for entry in found.schedules] == [entry.schedule for entry in schedules]
        and all(getattr(found, key) == value for key, value in wanted.items())
    )


def _remove_former(client: SyncPrefectClient, flow: str, deployment: DeploymentResponse) -> list[Entry]:
    """Remove what was registered for this folder under a former ``registry.name``; it would go on firing."""
    gone = []
    ours = FlowFilter(name=FlowFilterName(any_=[flow]))
    for other in client.read_deployments(flow_filter=ours, sort=DeploymentSort.NAME_ASC, limit=200):
        if other.id != deployment.id and other.pull_steps == deployment.pull_steps:
            says = f"its folder is now {deployment.name}'s"
            for former in automations.of(other.name, str(other.id)):
                for found in client.read_automations_by_name(former.name):
                    client.delete_automation(found.id)
                    gone.append(Entry("automation", found.name, says, "removed"))
            client.delete_deployment(other.id)
            gone.append(Entry("deployment", f"{flow}/{other.name}", says, "removed"))
    return gone


def _automation(client: SyncPrefectClient, wanted: AutomationCore) -> Entry:
    found = client.read_automations_by_name(wanted.name)
    done: Done = "created"
    if not found:
        client.create_automation(wanted)
    elif _content(found[0]) == _content(wanted):
        done = "unchanged"
    else:
        client.update_automation(found[0].id, wanted)
        done = "updated"
    return Entry("automation", wanted.name, wanted.description, done)


def _content(automation: AutomationCore) -> dict[str, Any]:
    return automation.model_dump(include=set(AutomationCore.model_fields))


def show(entries: list[Entry]) -> None:
    """Print what the server holds now, and what of it is new."""
    table = Table(box=None)
    for column in ("", "name", ""):
        table.add_column(column, no_wrap=True)
    table.add_column()
    for entry in entries:
        table.add_row(entry.kind, entry.name, entry.done, entry.says)
    Console().print(table)
    if all(entry.done == "unchanged" for entry in entries):
        print("Nothing changed.")  # noqa: T201


def main(command: Literal["deploy", "serve"]) -> None:
    """Run ``hourglass deploy`` or ``hourglass serve``."""
    project = Project.find()
    entries = deploy(project, settings.load(project.params_file))
    show(entries)
    if command == "serve":
        pool = next(entry.name for entry in entries if entry.kind == "work pool")
        sys.stdout.flush()
        _work(pool)


def _work(pool: str) -> None:
    """Become a worker, which ends by an interrupt that it sends itself: a script's background jobs ignore those."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = ["-m", "prefect", "worker", "start", "--pool", pool, "--type", "process", "--name", socket.gethostname()]
    os.execve(sys.executable, [sys.executable, *command], children.environment())  # noqa: S606
