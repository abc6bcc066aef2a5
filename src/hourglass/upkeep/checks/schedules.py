"""The Prefect server, where one is set: what `hourglass deploy` puts there, and whether it works.

Asked by its REST API: Prefect itself takes seconds to import, and only the flows know it.
"""

import base64
import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from hourglass import params, slots
from hourglass.project import Project
from hourglass.upkeep.finding import Finding, ok

_REACH_SECONDS = 5
#: Whose deployments are ours; those of other flows may bear the same name.
_FLOW = "scheduled-retrain"
#: A run that is due this long and hasn't started has nobody to start it.
_LATE = timedelta(minutes=2)
#: Of a run that lives, the server hears every 30 seconds.
_SILENT = timedelta(minutes=5)
_NO_SERVER = "PREFECT_API_URL is not set: every run has a server of its own, and nothing runs by itself"


def server(project: Project) -> Finding:
    """Ask the server."""
    name = "Prefect"
    if _api() is None:
        return ok(name, _NO_SERVER)
    try:
        _ask("/health")
    except (OSError, ValueError) as down:
        fix = "start it (`prefect server start`), or unset PREFECT_API_URL"
        return Finding(name, "bad", f"{_api()} can't be reached ({getattr(down, 'reason', down)})", fix)
    return ok(name, f"{_api()} answers")


def limits(project: Project) -> Finding | None:
    """Look for the limits that the stages of deployed runs take their slots from."""
    name = "Prefect limits"
    if not _answers() or _deployment(project) is None:
        return None
    wanted = [slots.CPU, *([slots.GPU] if slots.gpus() else [])]
    missing = [limit for limit in wanted if _found(f"/v2/concurrency_limits/{limit}") is None]
    if missing:
        return Finding(name, "bad", f"the server has no limit {', '.join(missing)}", "run `hourglass deploy`")
    return ok(name, f"{', '.join(wanted)} are there")


def deployment(project: Project) -> Finding | None:
    """Look for the deployment and its automations."""
    name = "Prefect deployment"
    if not _answers():
        return None
    found = _deployment(project)
    if found is None:
        return Finding(name, "warn", "nothing is deployed, so nothing runs by itself", "run `hourglass deploy`")
    if found["paused"]:
        return Finding(name, "warn", "is paused", f"run `prefect deployment resume` for {found['name']}")
    if not _automations(found["name"]):
        said = "the server has no automations for it: killed runs are not seen, new data starts nothing"
        return Finding(name, "bad", said, "run `hourglass deploy`")
    folders = [folder for step in found["pull_steps"] or () for folder in _folders(step)]
    if folders and str(project.root) not in folders:
        return Finding(name, "bad", f"runs in {folders[0]}, this is {project.root}", "run `hourglass deploy` here")
    return ok(name, f"{found['name']} is there, with its automations")


def firing(project: Project) -> Finding | None:
    """Find out whether schedules make runs, and whether somebody starts them."""
    name = "Prefect schedules"
    found = _deployment(project) if _answers() else None
    if found is None:
        return None
    if found["paused"] or not any(one["active"] for one in found["schedules"]):
        return ok(name, "none is active")
    due = sorted(_time(run["expected_start_time"]) for run in _runs(found, "SCHEDULED"))
    if not due:
        fix = "look into the server's log; its environment needs the sqlalchemy of requirements.lock"
        return Finding(name, "bad", "a schedule is active, but the server made no run for it", fix)
    if due[0] < datetime.now(UTC) - _LATE:
        said = f"a run was due at {due[0]:%Y-%m-%d %H:%M} UTC and hasn't started"
        return Finding(name, "bad", said, "is `hourglass serve` running? It starts what is due")
    return ok(name, f"the next run is due at {due[0]:%Y-%m-%d %H:%M} UTC")


def runs(project: Project) -> Finding | None:
    """Look for runs that are called running though nobody hears of them."""
    name = "Prefect runs"
    found = _deployment(project) if _answers() else None
    if found is None:
        return None
    silent = {run["id"]: run["name"] for run in _runs(found, "RUNNING") if _is_silent(run)}
    if not silent:
        return ok(name, "none is left behind")
    said = f"nothing was heard of {', '.join(silent.values())} for {_SILENT.total_seconds() / 60:.0f} minutes"
    fix = "run `hourglass doctor --fix`, which marks them as crashed"
    return Finding(name, "bad", said, fix, lambda: _crash(silent))


def _crash(silent: dict[str, str]) -> str:
    for run in silent:
        _ask(f"/flow_runs/{run}/set_state", {"state": {"type": "CRASHED", "message": "no heartbeat"}, "force": True})
    return f"marked as crashed: {', '.join(silent.values())}"


def _is_silent(run: dict[str, Any]) -> bool:
    since = datetime.now(UTC) - _SILENT
    if _time(run["start_time"] or run["created"]) > since:
        return False
    heard = {
        "occurred": {"since": since.isoformat(), "until": datetime.now(UTC).isoformat()},
        "event": {"prefix": ["prefect.flow-run."]},
        "resource": {"id": [f"prefect.flow-run.{run['id']}"]},
    }
    return not _ask("/events/filter", {"filter": heard, "limit": 1})["events"]


def _deployment(project: Project) -> Any:
    name = params.load(project.params_file).registry.name
    wanted = {"deployments": {"name": {"any_": [name]}}, "flows": {"name": {"any_": [_FLOW]}}}
    found = _ask("/deployments/filter", wanted | {"limit": 1})
    return found[0] if found else None


def _automations(name: str) -> list[Any]:
    return [one for one in _ask("/automations/filter", {"limit": 200}) if one["name"].startswith(f"{name}: ")]


def _runs(deployment: dict[str, Any], state: str) -> list[dict[str, Any]]:
    wanted = {"deployments": {"id": {"any_": [deployment["id"]]}}, "flow_runs": {"state": {"type": {"any_": [state]}}}}
    found: list[dict[str, Any]] = _ask("/flow_runs/filter", wanted | {"sort": "EXPECTED_START_TIME_ASC", "limit": 50})
    return found


def _folders(step: dict[str, Any]) -> list[str]:
    return [str(options["directory"]) for options in step.values() if "directory" in options]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _answers() -> bool:
    """Tell whether there is a server to ask; that a set one is down is said once, by `server`."""
    try:
        return _api() is not None and _ask("/health") is not None
    except (OSError, ValueError):
        return False


def _api() -> str | None:
    return os.environ.get("PREFECT_API_URL", "").rstrip("/") or None


def _found(path: str) -> Any:
    try:
        return _ask(path)
    except urllib.error.HTTPError as answer:
        if answer.code == 404:
            return None
        raise


def _ask(path: str, content: Any = None) -> Any:
    """Send a request (POST where there is content) and give the answer's JSON."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{_api()}{path}", data, {"Content-Type": "application/json"} | _credentials())  # noqa: S310
    with urllib.request.urlopen(request, timeout=_REACH_SECONDS) as answer:  # noqa: S310
        body = answer.read()
    return json.loads(body) if body else {}


def _credentials() -> dict[str, str]:
    key, user = os.environ.get("PREFECT_API_KEY"), os.environ.get("PREFECT_API_AUTH_STRING")
    if key:
        return {"Authorization": f"Bearer {key}"}
    return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
