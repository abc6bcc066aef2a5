"""The main job: from a clone to a champion and a report, and nothing at all the second time."""

import json
import re
import socket
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_first_run_ends_with_a_champion_and_the_reports_path(finished):
    assert re.search(r"Champion: models:/hourglass/1 \((autoencoder|vae), auroc 0\.\d+ on selection\)", finished.said)
    report = finished.checkout.root / "reports" / "index.html"
    assert f"Report: {report}" in finished.said
    assert report.stat().st_size < 5 * 2**20


def test_first_run_leaves_at_most_the_lock_for_git(finished):
    assert finished.checkout.git("status", "--porcelain").strip() in {"", "M dvc.lock"}


def test_second_run_does_nothing(finished):
    checkout = finished.checkout
    before = checkout.lock, (checkout.root / "reports" / "index.html").read_bytes()
    said = checkout.hourglass("run")
    assert "0 stages ran" in said
    assert "is the champion already" in said
    assert checkout.lock == before[0]
    assert checkout.hourglass("models").count("auroc") == 1


def test_every_output_says_what_it_was_made_from_as_the_lock_does(finished):
    from hourglass import pipeline
    from hourglass.project import Project

    root = finished.checkout.root
    project = Project(root, root)
    for stage in [stage.name for stage in pipeline.stages(project) if stage.name != "data.dvc"]:
        assert pipeline.recorded_inputs(project, stage) == pipeline.locked_inputs(project, stage)


def test_no_bytecode_lies_in_an_output(finished):
    assert not list((finished.checkout.root / "work").rglob("__pycache__"))


def test_no_output_holds_a_path_a_host_or_a_time(finished):
    root = finished.checkout.root
    anywhere = re.compile(f"{re.escape(str(root))}|{re.escape(str(Path.home()))}/|/site-packages/".encode())
    in_text = re.compile(rf"\b{re.escape(socket.gethostname())}\b|20\d\d-\d\d-\d\d|seconds".encode())
    for path in (root / "work").rglob("*"):
        if path.is_file():
            assert not anywhere.search(path.read_bytes()), path
            if path.suffix in {".json", ".jsonl", ".csv"} and path.parent.name != "inputs":
                assert not in_text.search(path.read_bytes()), path


def test_stages_leave_no_unfinished_files(finished):
    root = finished.checkout.root
    assert not list((root / "work").glob(".publish/*"))
    assert not list(root.glob(".data-new*"))


def test_prefect_keeps_the_leaderboard_and_a_link_to_the_report(finished):
    import sqlite3

    home = finished.checkout.env["PREFECT_HOME"]
    with sqlite3.connect(f"{home}/prefect.db") as database:
        kept = dict(database.execute("select key, data from artifact"))
    assert {row["variant"] for row in json.loads(json.loads(kept["leaderboard"]))} == {"autoencoder", "vae"}
    assert "reports/index.html" in kept["report"]


@pytest.mark.services
def test_flow_runs_against_a_server_and_its_tasks_are_seen_there(copy, server):
    assert "0 stages ran" in copy.hourglass("run")
    (run,) = _post(f"{server}/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    tasks = _post(f"{server}/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert run["tags"] == ["hourglass"]
    assert not any(task["tags"] for task in tasks)
    names = {task["name"].rsplit("-", 1)[0] for task in tasks}
    assert names >= {"ingest", "train@vae", "package@vae", "evaluate@vae", "compare", "track", "register", "gate"}


def _post(url, content):
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
