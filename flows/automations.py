"""What the Prefect server does by itself: starts, buries and tries again.

It sees runs by their tag, which is ``registry.name``, so also the run inside a scheduled one.
"""

from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore, EventTrigger, Posture, ResourceSpecification
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment

from flows import events

#: Of a run that lives, the server hears every 30 seconds (pyproject.toml).
SILENCE = timedelta(seconds=100)
#: How often a run is tried that something kills.
ATTEMPTS = 3
#: How long after a crash it is tried again: the worker reports a crash a second time when the process is gone.
PAUSE = timedelta(seconds=10)

#: What shows that a run lives or has ended. `Running`, `Crashed` and `Cancelled` are left out: with SQLite, what ends a
#: trigger's wait can be lost ("database is locked"), to all automations, with the events that follow it.
_SIGNS = ("heartbeat", "Completed", "Failed")
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_EACH = {"prefect.resource.id"}
_AGAIN = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="it crashed; tried again")


def of(name: str, deployment: str) -> list[AutomationCore]:
    """List the automations of a deployment.

    Parameters
    ----------
    name : str
        The deployment's, which its runs have as a tag.
    deployment : str
        Its id.
    """
    return [
        _retrain(name, deployment, events.ADDED, "new data", "Retrains when `hourglass add` brought a shard."),
        _retrain(name, deployment, events.DRIFT, "drift", "Retrains when the monitoring found that rows have drifted."),
        _no_heartbeat(name),
        _crashed(name, deployment),
        _crashed_before_its_start(name, deployment),
        _given_up(name, deployment),
        _refused(name, deployment),
    ]


def _retrain(name: str, deployment: str, event: str, title: str, description: str) -> AutomationCore:
    """Start a retraining where the server is told of an event."""
    told = ResourceSpecification({"prefect.resource.id": events.resource_of(event, name)})
    return AutomationCore(
        name=f"{name}: {title}",
        description=description,
        trigger=EventTrigger(expect={event}, match=told),
        actions=[RunDeployment(deployment_id=deployment)],
    )


def _no_heartbeat(name: str) -> AutomationCore:
    said = f"no heartbeat for {SILENCE.total_seconds():.0f} seconds"
    return AutomationCore(
        name=f"{name}: no heartbeat",
        description="Marks a run as crashed that the server hears nothing of: its machine or its worker died.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat", "prefect.flow-run.Pending"},
            expect={f"prefect.flow-run.{sign}" for sign in _SIGNS},
            match=ResourceSpecification(_RUNS),
            match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{name}"}),
            for_each=_EACH,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=said)],
    )


def _crashed(name: str, deployment: str) -> AutomationCore:
    return AutomationCore(
        name=f"{name}: crashed",
        description=f"Tries a run again that was killed, {ATTEMPTS} times in all.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.Crashed"},
            expect={"prefect.flow-run.Cancelled"},
            match=_attempts(*range(1, ATTEMPTS)),
            match_related=_runs_of(deployment),
            for_each=_EACH,
            within=PAUSE,
        ),
        actions=[_AGAIN],
    )


def _crashed_before_its_start(name: str, deployment: str) -> AutomationCore:
    return AutomationCore(
        name=f"{name}: crashed before its start",
        description="Tries a run again that was killed before it began; once, as it may be unable to begin.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=_attempts(0),
            match_related=_runs_of(deployment),
            for_each=_EACH,
            within=timedelta(days=1),
        ),
        actions=[_AGAIN],
    )


def _given_up(name: str, deployment: str) -> AutomationCore:
    said = f"crashed {ATTEMPTS} times, so it is not tried again; its log may say why"
    return AutomationCore(
        name=f"{name}: given up",
        description="Says so where a run has crashed too often.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=_attempts(ATTEMPTS),
            match_related=_runs_of(deployment),
            for_each=_EACH,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="GivenUp", message=said, force=True)],
    )


def _refused(name: str, deployment: str) -> AutomationCore:
    by_server = {"prefect.state-message": "Deployment concurrency limit reached."}
    said = (
        "another retraining was under way, and they don't overlap; if this one asked for something else, start it "
        "again when that has ended"
    )
    return AutomationCore(
        name=f"{name}: refused",
        description="Says why a run was refused.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Cancelled"},
            match=ResourceSpecification(_RUNS | by_server),
            match_related=_runs_of(deployment),
        ),
        actions=[ChangeFlowRunState(state=StateType.CANCELLED, name="Refused", message=said, force=True)],
    )


def _runs_of(deployment: str) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.id": f"prefect.deployment.{deployment}"})


def _attempts(*numbers: int) -> ResourceSpecification:
    counts: dict[str, Any] = {"prefect.run-count": [str(number) for number in numbers]}
    return ResourceSpecification(_RUNS | counts)
