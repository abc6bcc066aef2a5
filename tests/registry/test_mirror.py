"""The process that shows a training in MLflow while it runs."""

import json
import subprocess
import sys
import time

import pytest

from hourglass.locks import locked
from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.mirror import mirrored
from hourglass.registry.tracking import Training, run_of

TRAINING = Training("vae", {"stage": "train@vae", "deps": {}, "params": {}}, {})
IMPATIENT = "from hourglass.registry import mirror; mirror._GRACE_SECONDS = 0.5; mirror.main()"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / ".hourglass").mkdir()
    return Project(tmp_path, tmp_path)


def test_mirror_that_hangs_ends_soon_after_its_training(project):
    job = {"root": str(project.root), "home": str(project.home), "name": "x", "epochs": "", "training": {}}
    with (
        locked(project, "mlflow store"),
        subprocess.Popen([sys.executable, "-c", IMPATIENT], stdin=subprocess.PIPE, text=True) as mirror,
    ):
        mirror.stdin.write(json.dumps(job) + "\n")
        mirror.stdin.close()
        started = time.monotonic()
        assert mirror.wait(timeout=20) == 1
        assert time.monotonic() - started > 0.5


def test_a_mirror_that_comes_after_the_run_is_complete_adds_the_machine_and_leaves_the_rest(project):
    client = store.connect(project)
    with run_of(project, client, "x", TRAINING) as run:
        client.set_terminated(run, "FINISHED")
    before = client.get_run(run)
    with mirrored(project, "x", TRAINING, project.root / "epochs"):
        pass
    give_up = time.monotonic() + 60
    while not (metrics := client.get_run(run).data.metrics) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert {name.partition("/")[0] for name in metrics} == {"system"}
    assert client.get_run(run).info.to_proto() == before.info.to_proto()


def test_log_of_the_mirrors_starts_over_when_it_is_long(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    log = project.state / "mirror.log"
    log.write_bytes(b"x" * 1_000_001)
    with mirrored(project, "x", TRAINING, project.root / "epochs"):
        assert log.stat().st_size < 1_000_000
