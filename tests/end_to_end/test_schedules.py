"""Retraining by itself, on a real server: runs that happen, that are refused, made up for, killed and tried again."""

import json
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psutil
import pytest

from tests.projects import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.services]

PATIENCE = 300


@dataclass
class Deployed:
    """A deployment of a project of its own, and the processes that work for it."""

    checkout: Checkout
    server: str
    name: str
    workers: list[subprocess.Popen] = field(default_factory=list)

    @property
    def deployment(self) -> dict[str, Any]:
        return call("GET", f"{self.server}/deployments/name/scheduled-retrain/{self.name}")

    def deploy(self, cron: str | None = None) -> str:
        self.checkout.set(schedule={"cron": cron})
        return self.checkout.hourglass("deploy")

    def serve(self) -> None:
        command = [sys.executable, "-m", "hourglass", "serve"]
        env = self.checkout.env | {"PREFECT_WORKER_QUERY_SECONDS": "2"}
        self.workers.append(subprocess.Popen(command, cwd=self.checkout.root, env=env))

    def start(self, **settings: Any) -> str:
        content = {"parameters": {"settings": settings}, "state": {"type": "SCHEDULED"}}
        return call("POST", f"{self.server}/deployments/{self.deployment['id']}/create_flow_run", content)["id"]

    def monitor(self) -> str:
        found = call("GET", f"{self.server}/deployments/name/monitor/{self.name}")
        content = {"state": {"type": "SCHEDULED"}}
        return call("POST", f"{self.server}/deployments/{found['id']}/create_flow_run", content)["id"]

    def run(self, run: str) -> dict[str, Any]:
        return call("GET", f"{self.server}/flow_runs/{run}")

    def set_state(self, run: str, kind: str) -> None:
        call("POST", f"{self.server}/flow_runs/{run}/set_state", {"state": {"type": kind}})

    def due(self) -> list[dict[str, Any]]:
        """Give the runs whose time has come."""
        chosen = {
            "deployments": {"id": {"any_": [self.deployment["id"]]}},
            "flow_runs": {"expected_start_time": {"before_": datetime.now(UTC).isoformat()}},
        }
        return call("POST", f"{self.server}/flow_runs/filter", chosen | {"sort": "EXPECTED_START_TIME_ASC"})

    def inside(self, run: str) -> list[dict[str, Any]]:
        """Give the runs of the flow that a scheduled run started."""
        chosen = {"flow_runs": {"tags": {"all_": [f"part-of:{run}"]}}, "sort": "START_TIME_ASC"}
        return call("POST", f"{self.server}/flow_runs/filter", chosen)

    def wait_for(self, run: str, *states: str) -> dict[str, Any]:
        return wait(lambda: self.run(run) if self.run(run)["state_name"] in states else None)

    def engine(self) -> psutil.Process:
        """Find the process of the run that is under way."""
        return next(
            child
            for worker in self.workers
            if worker.poll() is None
            for child in psutil.Process(worker.pid).children()
            if "prefect.engine" in child.cmdline()
        )

    def kill(self) -> None:
        """Kill the workers and all that they started."""
        for worker in self.workers:
            if worker.poll() is None:
                children = psutil.Process(worker.pid).children(recursive=True)
                worker.kill()
                worker.wait()
                for child in children:
                    if child.is_running():
                        child.kill()


def call(method: str, url: str, content: Any = None) -> Any:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer) if answer.status != 204 else None


def wait(found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return answer


@pytest.fixture
def deployed(copy, server, request) -> Iterator[Deployed]:
    name = re.sub("[^a-z]+", "-", request.node.name)[:40]
    copy.set(registry={"name": name})
    copy.git("commit", "--quiet", "--all", "-m", "name")
    project = Deployed(copy, server, name)
    yield project
    project.kill()
    for left in call("POST", f"{server}/deployments/filter", {"deployments": {"name": {"any_": [name]}}}):
        call("DELETE", f"{server}/deployments/{left['id']}")


def test_deploying_again_changes_nothing_and_says_so(deployed):
    first = deployed.deploy("0 3 * * *")
    assert re.search(rf"deployment +scheduled-retrain/{deployed.name} +created +0 3 \* \* \* UTC", first)
    again = deployed.deploy("0 3 * * *")
    assert "Nothing changed." in again
    assert "created" not in again
    moved = re.findall(r"(\w.*?) +updated", deployed.deploy("0 4 * * *"))
    assert [entry.split() for entry in moved] == [["deployment", f"scheduled-retrain/{deployed.name}"]]


def test_what_another_name_registered_for_the_same_folder_is_removed(deployed):
    deployed.deploy()
    name = f"{deployed.name}-renamed"
    deployed.checkout.set(registry={"name": name})
    said = deployed.checkout.hourglass("deploy")
    assert re.search(rf"deployment +scheduled-retrain/{deployed.name} +removed +its folder is now {name}'s", said)
    assert registered(deployed) == {name}
    assert "Nothing changed." in deployed.checkout.hourglass("deploy")
    deployed.checkout.set(registry={"name": deployed.name})
    deployed.deploy()
    assert registered(deployed) == {deployed.name}


def test_a_deployed_sweep_leaves_an_experiment_and_the_checkout_as_it_was(deployed):
    pytest.importorskip("optuna", reason="the extra `sweep` isn't installed")
    swept = {"trials": 3, "space": {"vae.latent": [8, 9], "train.epochs": [16, 20]}}
    deployed.checkout.set(sweep=swept, schedule={"cron": None}, variants=["vae"])
    deployed.checkout.git("commit", "--quiet", "--all", "-m", "space")
    said = deployed.deploy()
    assert re.search(rf"deployment +sweep/{deployed.name} +created +by hand", said)
    before = deployed.checkout.git("status", "--porcelain")
    deployed.serve()
    found = call("GET", f"{deployed.server}/deployments/name/sweep/{deployed.name}")
    content = {"parameters": {"variant": "vae"}, "state": {"type": "SCHEDULED"}}
    run = call("POST", f"{deployed.server}/deployments/{found['id']}/create_flow_run", content)["id"]
    ended = deployed.wait_for(run, "Completed", "Failed", "Crashed")
    assert ended["state_name"] == "Completed", ended["state"]["message"]
    assert ended["state"]["message"].startswith("3 trials; best is trial ")
    name = re.search(r"`dvc exp apply (\S+)`", ended["state"]["message"])[1]
    assert name in deployed.checkout.dvc("exp", "list", "--all")
    assert deployed.checkout.git("status", "--porcelain") == before


def test_a_deployed_scoring_judges_what_arrives_by_its_schedule(deployed):
    root = deployed.checkout.root
    deployed.checkout.hourglass("run")  # a champion of this name
    deployed.checkout.set(score={"source": "incoming", "cron": "* * * * *"})
    (root / "incoming").mkdir()
    np.save(root / "incoming" / "today.npy", np.zeros((300, 8, 8), np.uint8))
    said = deployed.deploy()
    assert re.search(rf"deployment +score/{deployed.name} +created +\* \* \* \* \* UTC", said)
    deployed.serve()
    manifest = root / "scores" / "today.npy" / "manifest.json"
    found = wait(lambda: manifest.exists() and json.loads(manifest.read_text()))
    assert found["model"]["uri"] == f"models:/{deployed.name}/1"
    assert [shard["rows"] for shard in found["shards"]] == [300]
    assert not deployed.checkout.git("status", "--porcelain", "scores")


def registered(deployed: Deployed) -> set[str]:
    """Give the names for which the server holds deployments and automations."""
    deployments, automations = (
        call("POST", f"{deployed.server}/{kind}/filter", {}) for kind in ("deployments", "automations")
    )
    names = {one["name"] for one in deployments} | {one["name"].partition(":")[0] for one in automations}
    return {name for name in names if name.startswith(deployed.name)}


def test_a_worker_that_was_started_elsewhere_is_told_how_often_to_be_heard(deployed):
    deployed.deploy()
    assert deployed.deployment["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


def test_a_worker_in_a_scripts_background_ends_when_it_is_told_to(deployed):
    command = [sys.executable, "-m", "hourglass", "serve"]
    script = f"{shlex.join(command)} & echo $! > worker; wait $!"  # jobs of a script ignore interrupts
    deployed.checkout.set(schedule={"cron": None})
    shell = subprocess.Popen(["sh", "-c", script], cwd=deployed.checkout.root, env=deployed.checkout.env)
    online = {"workers": {"status": {"any_": ["ONLINE"]}}}
    wait(lambda: call("POST", f"{deployed.server}/work_pools/hourglass/workers/filter", online))
    worker = psutil.Process(int((deployed.checkout.root / "worker").read_text()))
    worker.terminate()
    worker.wait(60)
    assert shell.wait(60) == 0


def test_a_wrong_cron_is_refused_in_a_sentence(deployed):
    deployed.checkout.set(schedule={"cron": "61 * * * *"})
    refused = deployed.checkout.hourglass("deploy", expect=1)
    assert "hourglass: params.yaml: schedule.cron is '61 * * * *'; it should be minute, hour, day" in refused


def test_a_run_that_crashes_each_time_is_given_up_after_three(deployed):
    deployed.deploy()
    run = deployed.start()
    for attempt in (1, 2, 3):
        for state in ("PENDING", "RUNNING", "CRASHED"):
            deployed.set_state(run, state)
        ended = deployed.wait_for(run, "AwaitingRetry" if attempt < 3 else "GivenUp")
    assert ended["run_count"] == 3
    assert ended["state"]["message"] == "crashed 3 times, so it is not tried again; its log may say why"


def test_the_schedule_starts_a_run_and_another_meanwhile_is_refused(deployed):
    deployed.deploy("* * * * *")
    deployed.serve()
    (scheduled,) = wait(lambda: [run for run in deployed.due() if run["state_type"] == "RUNNING"])
    second = deployed.wait_for(deployed.start(), "Refused")
    assert "another retraining was under way" in second["state"]["message"]
    ended = deployed.wait_for(scheduled["id"], "Completed", "Failed")
    assert re.match(r"0 stages ran\. Gate: .* Champion: models:/", ended["state"]["message"])
    assert scheduled["auto_scheduled"]
    (inside,) = deployed.inside(scheduled["id"])
    assert inside["state_name"] == "Completed"


def test_after_an_outage_one_run_catches_up(deployed):
    deployed.deploy("* * * * * */10")  # every ten seconds
    wait(lambda: len(deployed.due()) >= 4)
    late = [run["id"] for run in deployed.due()]
    deployed.serve()
    wait(lambda: all(deployed.run(run)["state_type"] in ("COMPLETED", "CANCELLED") for run in late))
    states = [deployed.run(run)["state"] for run in late]
    assert [state["type"] for state in states].count("COMPLETED") == 1
    # `Cancelled` becomes `Refused` by an automation; of runs that were planned only minutes before, that takes minutes
    assert {state["name"] for state in states} <= {"Completed", "Skipped", "Refused", "Cancelled"}


def test_a_new_shard_starts_a_retraining_that_takes_it(deployed, tmp_path):
    deployed.deploy()
    deployed.serve()
    digits = deployed.checkout.root / "data" / "digits"
    upside_down = np.load(digits / "x.npy")[:50, ::-1]
    np.savez(tmp_path / "more.npz", x=upside_down, digit=np.load(digits / "digit.npy")[:50])
    added = deployed.checkout.hourglass("add", str(tmp_path / "more.npz"))
    assert "on hourglass/data" in added
    (run,) = wait(deployed.due)
    ended = deployed.wait_for(run["id"], "Completed", "Failed")
    (tag,) = re.findall(r"retrain/\S+(?=\.$)", ended["state"]["message"])
    data = [deployed.checkout.git("show", f"{commit}:data.dvc") for commit in (tag, "hourglass/data", "HEAD")]
    assert data[0] == data[1] != data[2]


@pytest.mark.long
def test_rows_that_have_drifted_start_a_retraining(deployed):
    incoming = deployed.checkout.root / "incoming"
    incoming.mkdir()
    deployed.checkout.set(monitor={"source": "incoming"})
    deployed.checkout.hourglass("register")
    deployed.checkout.hourglass("promote")
    said = deployed.deploy()
    assert re.search(rf"deployment +monitor/{deployed.name} +created +by hand", said)
    deployed.serve()
    digits = np.load(deployed.checkout.root / "data" / "digits" / "x.npy")
    np.savez(incoming / "dim.npz", x=digits[:300] // 2)
    ended = deployed.wait_for(deployed.monitor(), "Completed", "Failed")
    assert re.match(r"dim\.npz: Drift in 300 rows by \d+ tests: ", ended["state"]["message"])
    assert "Drift in 300 rows" in (deployed.checkout.root / "reports" / "drift.html").read_text()
    (retraining,) = wait(deployed.due)
    retrained = deployed.wait_for(retraining["id"], "Completed", "Failed")
    assert re.match(r"0 stages ran\. Gate: .* Champion: models:/", retrained["state"]["message"])
    again = deployed.wait_for(deployed.monitor(), "Completed", "Failed")
    assert again["state"]["message"] == "No new batch."
    assert len(deployed.due()) == 1


def test_data_that_came_during_a_run_that_is_cancelled_starts_the_next(deployed, tmp_path):
    deployed.deploy()
    deployed.serve()
    run = deployed.start(**{"train.epochs": 500, "train.patience": 500})
    wait(lambda: deployed.inside(run))
    np.savez(tmp_path / "more.npz", x=np.zeros((5, 8, 8), np.uint8), digit=np.arange(5))
    deployed.checkout.hourglass("add", str(tmp_path / "more.npz"))
    (refused,) = wait(lambda: [other["id"] for other in deployed.due() if other["id"] != run])
    deployed.wait_for(refused, "Refused", "Cancelled")
    deployed.set_state(run, "CANCELLING")
    deployed.wait_for(run, "Cancelled")
    (following,) = wait(lambda: [other["id"] for other in deployed.due() if other["id"] not in (run, refused)])
    assert deployed.wait_for(following, "Running", "Completed", "Refused")["state_name"] != "Refused"


def test_data_is_added_even_if_the_server_is_away(deployed, tmp_path):
    deployed.deploy()
    np.savez(tmp_path / "more.npz", x=np.zeros((5, 8, 8), np.uint8), digit=np.arange(5))
    away = "http://127.0.0.1:9/api"
    said = deployed.checkout.hourglass("add", str(tmp_path / "more.npz"), PREFECT_API_URL=away)
    assert "on hourglass/data" in said
    assert re.search(r"hourglass: \S+ is added, but Prefect's API at http://127\.0\.0\.1:9/api can't be told", said)
    assert f"prefect deployment run scheduled-retrain/{deployed.name}" in said
    again = deployed.checkout.hourglass("add", str(tmp_path / "more.npz"), PREFECT_API_URL=away)
    assert "already" in again
    assert "can't be told" in again


def test_a_killed_run_is_tried_again_with_its_settings(deployed):
    deployed.deploy()
    deployed.serve()
    run = deployed.start(**{"registry.margin": 0.02})
    wait(lambda: deployed.inside(run))
    deployed.engine().kill()
    ended = deployed.wait_for(run, "Completed", "Failed")
    assert ended["run_count"] == 2
    assert [inside["state_name"] for inside in deployed.inside(run)] == ["Crashed", "Completed"]
    (tag,) = re.findall(r"retrain/\S+(?=\.$)", ended["state"]["message"])
    assert "margin: 0.02 " in deployed.checkout.git("show", f"{tag}:params.yaml")


def test_a_run_that_loses_the_run_inside_is_tried_again(deployed):
    deployed.deploy()
    deployed.serve()
    run = deployed.start()
    wait(lambda: deployed.inside(run))
    inside = next(child for child in deployed.engine().children() if "hourglass" in child.cmdline())
    inside.kill()
    ended = deployed.wait_for(run, "Completed", "Failed")
    assert (ended["state_name"], ended["run_count"]) == ("Completed", 2)
    assert [inside["state_name"] for inside in deployed.inside(run)] == ["Crashed", "Completed"]


def test_a_run_that_is_taken_for_dead_ends_before_it_is_tried_again(deployed):
    deployed.deploy()
    deployed.serve()
    run = deployed.start(**{"train.epochs": 500, "train.patience": 500})
    (first,) = wait(lambda: deployed.inside(run))
    deployed.set_state(run, "CRASHED")
    wait(lambda: deployed.run(run)["run_count"] == 2)
    wait(lambda: len(deployed.inside(run)) == 2)
    assert deployed.run(first["id"])["state_name"] == "Completed"
    wait(lambda: [inside["state_name"] for inside in deployed.inside(run)] == ["Completed", "Completed"])


def test_a_run_whose_worker_was_killed_with_it_is_noticed_and_tried_again(deployed):
    deployed.deploy()
    deployed.serve()
    run = deployed.start()
    wait(lambda: deployed.inside(run))
    deployed.kill()
    assert deployed.run(run)["state_name"] == "Running"  # nobody is left to say otherwise
    deployed.wait_for(run, "AwaitingRetry")
    deployed.serve()
    assert deployed.wait_for(run, "Completed", "Failed")["run_count"] == 2
