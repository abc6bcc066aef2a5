"""The flow, or a server that it talks to, is killed at a random moment."""

import os
import signal
import time
from contextlib import ExitStack

import pytest

from tests.faults.cases import Case, drawn, end_all, told
from tests.faults.servers import Server

pytestmark = [pytest.mark.fault, pytest.mark.services, pytest.mark.slow]

#: What is killed: how many cases, and the servers that the runs use; without Prefect's they start their own.
#: The slowest first, lest one worker be left with them.
KILLED = {
    "Prefect server": (3, ("prefect",)),
    "MLflow server": (3, ("prefect", "mlflow")),
    "flow": (3, ("prefect",)),
    "flow with its own server": (1, ()),
}
#: Kills of a case: each meets what those before it left.
_KILLS = 4
CASES = [(kind, number) for kind, (cases, _) in KILLED.items() for number in range(cases)]
#: Whichever leads, its new settings give a version to register and to judge.
CHANGE = {"autoencoder": {"latent": 12}, "vae": {"latent": 12}}
#: Share of a run that even the last has to do: servers, status, registration.
_LEAST_LEFT = 0.4
#: How much longer a run takes that starts its own server.
_START_SECONDS = 8
_SECONDS = 400
#: After how long a killed Prefect server comes back, in half of the cases. In the others it stays away, and Prefect's
#: client gives up after one repetition of a call instead of five, for which it takes a minute each time.
_AWAY_SECONDS = 10
_IMPATIENT = {"PREFECT_CLIENT_MAX_RETRIES": "1"}


@pytest.fixture(scope="session")
def undisturbed(template, prefect):
    """What a run after the change gives, and how long it takes."""
    case = Case(template, "undisturbed")
    case.checkout.set(**CHANGE)
    started = time.monotonic()
    case.run("hourglass", "run", **prefect.settings)
    lived = time.monotonic() - started
    case.require_one_of_each()
    assert "models:/hourglass/2 is registered" in case.said, "kills would never meet a registration"
    yield case.lock, case.outputs, lived
    end_all(case.mark)


def lifetimes(moments, lived):
    """Estimate how long each run of a case would live: the later have less to do."""
    return [(moment, lived * max(_LEAST_LEFT, 1 - sum(moments[:kill]) / 2)) for kill, moment in enumerate(moments)]


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_killed_flow_or_server_is_made_good_by_the_next_run(
    undisturbed, case, prefect, kind, number, repeated, record_property
):
    lock, outputs, lived = undisturbed
    case.checkout.set(**CHANGE)
    with ExitStack() as stack:
        servers = {}
        if "prefect" in KILLED[kind][1]:
            servers["prefect"] = prefect
        if "mlflow" in KILLED[kind][1]:
            servers["mlflow"] = Server("mlflow", case.root, case.template.checkout.env)
            servers["mlflow"].start()
            stack.callback(servers["mlflow"].kill)
        settings = {name: value for server in servers.values() for name, value in server.settings.items()}

        lived += 0 if KILLED[kind][1] else _START_SECONDS
        moments = [drawn(kind, number, kill) for kill in range(_KILLS if repeated else 1)]
        for moment, life in lifetimes(moments, lived):
            hit = _kill(case, kind, number, servers, settings, moment * life)
            if not hit:  # what was left is done: start anew
                _start_anew(case, servers)
                hit = _kill(case, kind, number, servers, settings, moment * lived)
            told(record_property, kind, moment, hit=hit)
            case.require_no_orphans()
            for server in servers.values():
                if server.child is None:
                    server.start()
        case.run("hourglass", "run", **settings)
    case.require_no_orphans()
    assert case.lock == lock
    assert case.outputs == outputs
    case.require_one_of_each()


def _start_anew(case, servers):
    case.require_no_orphans()
    if "mlflow" in servers:
        servers["mlflow"].kill()
    case.template.restore()
    case.checkout.set(**CHANGE)
    if "mlflow" in servers:
        servers["mlflow"].start()


def _kill(case, kind, number, servers, settings, seconds):
    """Start a run, kill it or its server after some seconds, and wait for its end; tell whether it still lived."""
    returns = kind == "Prefect server" and number % 2 == 0
    stays_away = kind == "Prefect server" and not returns
    child = case.start("hourglass", "run", **settings, **(_IMPATIENT if stays_away else {}))
    time.sleep(seconds)
    hit = child.poll() is None
    server = servers.get({"MLflow server": "mlflow", "Prefect server": "prefect"}.get(kind))
    if hit and server is None:
        os.kill(child.pid, signal.SIGKILL)
    elif hit:
        server.kill()
        if returns:
            time.sleep(_AWAY_SECONDS)
            server.start()
    child.wait(_SECONDS)
    return hit
