"""The deployed monitoring: new batches held against the champion's reference; drift starts a retraining.

Registered by ``hourglass deploy``. It emits the event ``hourglass.drift``, which an automation acts on.
"""

from typing import Any

import httpx
from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from flows import events
from hourglass import monitoring
from hourglass import params as settings
from hourglass.drift.verdict import Verdict
from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.runtime.errors import InputError


@flow(name="monitor", persist_result=False)
def monitor(source: str | None = None) -> State[Any]:
    """Test the batches that came since the last time.

    Parameters
    ----------
    source : str, optional
        Folder that they are put into; by default ``monitor.source`` of params.yaml, or where scores are put.
    """
    project, log = Project.find(), get_run_logger()
    params = settings.load(project.params_file)
    try:
        with locked(project, f"monitoring {params.registry.name}"):
            found = monitoring.look(project, params, source)
            log.info("%s", found.sentence)
            if found.verdict is not None and found.verdict.drifted:
                _tell(params.registry.name, found.verdict, sorted(found.new))
            monitoring.remember(project, params, found, source)
    except (HourglassError, InputError) as problem:
        return Failed(message=str(problem))
    return (Failed if found.failed else Completed)(message=found.sentence)


def _tell(name: str, verdict: Verdict, batches: list[str]) -> None:
    """Tell the server of drift, where there is one that acts on it."""
    if not get_current_settings().api.url:
        return
    payload = {
        "batches": batches,
        "rows": verdict.rows,
        "alpha": verdict.alpha,
        "drifted": [{"of": one.of, "name": one.name, "what": one.what, "p": one.adjusted} for one in verdict.drifted],
    }
    try:
        events.send(events.DRIFT, name, payload)
    except (httpx.HTTPError, RuntimeError) as problem:
        raise HourglassError(f"there is drift, but Prefect's server can't be told of it ({problem}).") from problem
