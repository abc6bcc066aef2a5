"""What ``hourglass doctor`` asks of a Prefect server, on a stand-in that gives the server's answers."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hourglass import slots
from hourglass.upkeep.checks import schedules

NOW = datetime.now(UTC)
RUNNING = {"id": "r1", "name": "brave-otter", "start_time": (NOW - timedelta(hours=2)).isoformat()}
RUNS, EVENTS, HERE = "/flow_runs/filter", "/events/filter", "/automations/filter"


@pytest.fixture
def asked() -> list[tuple[str, dict]]:
    return []


@pytest.fixture
def answers(project, asked, monkeypatch):
    """All is well: a deployment with its automations, limits and a run that is due tomorrow."""
    project.params_file.write_text("variants: [vae]\nvae: {}\nregistry:\n  name: payments\n")
    found = {
        "/health": True,
        f"/v2/concurrency_limits/{slots.CPU}": {"limit": 2},
        "/deployments/filter": [
            {
                "id": "d1",
                "name": "payments",
                "paused": False,
                "schedules": [{"active": True}],
                "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": str(project.root)}}],
            }
        ],
        HERE: [{"name": "payments: no heartbeat"}, {"name": "other: new data"}],
        RUNS: {"SCHEDULED": [{"expected_start_time": (NOW + timedelta(days=1)).isoformat()}], "RUNNING": []},
        EVENTS: {"events": []},
        "/flow_runs/r1/set_state": {"status": "ACCEPT"},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.do_POST()

        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
            asked.append((self.path, content))
            answer = found.get(self.path)
            if self.path == RUNS:
                answer = answer[content["flow_runs"]["state"]["type"]["any_"][0]]
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}")
        yield found
        server.shutdown()


CHECKS = (schedules.server, schedules.limits, schedules.deployment, schedules.firing, schedules.runs)


def states(project):
    return [check(project).state for check in CHECKS]


def test_without_a_server_nothing_is_asked(project):
    assert schedules.server(project).state == "ok"
    assert [check(project) for check in CHECKS[1:]] == [None] * 4


def test_server_that_is_down_is_told_once(project, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert schedules.server(project).state == "bad"
    assert [check(project) for check in CHECKS[1:]] == [None] * 4


def test_deployment_that_works_is_sound(project, answers):
    assert states(project) == ["ok"] * 5


def test_missing_limit_is_named(project, answers):
    del answers[f"/v2/concurrency_limits/{slots.CPU}"]
    assert slots.CPU in schedules.limits(project).sentence
    assert schedules.limits(project).state == "bad"


def test_missing_deployment_is_told_and_asked_nothing_more(project, answers):
    answers["/deployments/filter"] = []
    assert schedules.deployment(project).state == "warn"
    assert schedules.limits(project) is None
    assert schedules.firing(project) is None
    assert schedules.runs(project) is None


def test_automations_of_other_deployments_do_not_count(project, answers):
    answers[HERE] = [{"name": "other: no heartbeat"}]
    assert "no automations" in schedules.deployment(project).sentence


def test_deployment_of_another_flow_by_the_same_name_is_not_asked_for(project, answers, asked):
    schedules.deployment(project)
    (wanted,) = [content for path, content in asked if path == "/deployments/filter"]
    assert wanted["flows"] == {"name": {"any_": ["scheduled-retrain"]}}


def test_deployment_of_a_folder_that_the_project_left_is_told(project, answers):
    (step,) = answers["/deployments/filter"][0]["pull_steps"]
    step["prefect.deployments.steps.set_working_directory"]["directory"] = "/where/it/was"
    finding = schedules.deployment(project)
    assert finding.state == "bad"
    assert "/where/it/was" in finding.sentence


def test_schedule_that_makes_no_runs_is_told(project, answers):
    answers[RUNS]["SCHEDULED"] = []
    finding = schedules.firing(project)
    assert finding.state == "bad"
    assert "sqlalchemy" in finding.fix


def test_run_that_nobody_starts_is_told(project, answers):
    answers[RUNS]["SCHEDULED"] = [{"expected_start_time": (NOW - timedelta(hours=1)).isoformat()}]
    finding = schedules.firing(project)
    assert finding.state == "bad"
    assert "hourglass serve" in finding.fix


def test_paused_deployment_owes_no_runs(project, answers):
    answers["/deployments/filter"][0]["paused"] = True
    answers[RUNS]["SCHEDULED"] = []
    assert schedules.firing(project).state == "ok"
    assert schedules.deployment(project).state == "warn"


def test_run_without_a_heartbeat_is_told_and_marked_as_crashed(project, answers, asked):
    answers[RUNS]["RUNNING"] = [RUNNING]
    finding = schedules.runs(project)
    assert "brave-otter" in finding.sentence
    finding.mend()
    path, content = asked[-1]
    assert path == "/flow_runs/r1/set_state"
    assert content["state"]["type"] == "CRASHED"


def test_run_that_was_just_heard_of_is_left_alone(project, answers):
    answers[RUNS]["RUNNING"], answers[EVENTS] = [RUNNING], {"events": [{"event": "prefect.flow-run.heartbeat"}]}
    assert schedules.runs(project).state == "ok"


def test_run_that_has_just_begun_is_left_alone(project, answers):
    answers[RUNS]["RUNNING"] = [RUNNING | {"start_time": datetime.now(UTC).isoformat()}]
    answers[EVENTS] = {"events": []}
    assert schedules.runs(project).state == "ok"


@pytest.mark.services
@pytest.mark.slow
def test_real_server_answers_as_the_stand_in_does(project, tmp_path, monkeypatch):
    project.params_file.write_text("variants: [vae]\nvae: {}\nregistry:\n  name: payments\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    env = os.environ | {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    server = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("PREFECT_API_URL", api)
        _until(lambda: schedules.server(project).state == "ok")
        assert schedules.deployment(project).state == "warn"

        other = schedules._ask("/flows/", {"name": "nightly"})["id"]
        schedules._ask("/deployments/", {"name": "payments", "flow_id": other, "entrypoint": "f.py:f"})
        assert schedules.deployment(project).state == "warn"
        flow = schedules._ask("/flows/", {"name": "scheduled-retrain"})["id"]
        cron = {"active": True, "schedule": {"cron": "0 3 * * *", "timezone": "UTC"}}
        wanted = {"name": "payments", "flow_id": flow, "entrypoint": "f.py:f", "schedules": [cron]}
        deployment = schedules._ask("/deployments/", wanted)["id"]
        assert schedules.limits(project).state == "bad"
        schedules._ask("/v2/concurrency_limits/", {"name": slots.CPU, "limit": 2})
        assert schedules.limits(project).state == "ok"
        assert "no automations" in schedules.deployment(project).sentence
        _until(lambda: "the next run is due at" in schedules.firing(project).sentence)

        run = schedules._ask("/flow_runs/", {"flow_id": flow, "deployment_id": deployment, "name": "brave-otter"})["id"]
        running = {"state": {"type": "RUNNING"}, "force": True}
        schedules._ask(f"/flow_runs/{run}/set_state", running)
        assert schedules.runs(project).state == "ok"
        monkeypatch.setattr(schedules, "_SILENT", timedelta(seconds=0))
        finding = schedules.runs(project)
        assert "brave-otter" in finding.sentence
        finding.mend()
        assert schedules._ask(f"/flow_runs/{run}")["state_type"] == "CRASHED"
    finally:
        server.terminate()
        server.wait()


def _until(holds):
    end = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < end
        time.sleep(1)
