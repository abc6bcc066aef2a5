"""The MLflow store, embedded or served."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial

import pytest

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry import addresses, store

RACE = """
import sys
from pathlib import Path
from hourglass.project import Project
from hourglass.registry import addresses, store
project = Project(Path(sys.argv[1]), Path(sys.argv[1]))
print(store.experiment(project, store.connect(project), "digits"))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(tmp_path, tmp_path)


@pytest.mark.slow
def test_processes_that_come_first_at_once_share_one_store(project, tmp_path):
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [racer.communicate()[0].splitlines()[-1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert len(set(said)) == 1


def test_a_process_killed_while_it_makes_the_store_leaves_no_half_of_it(project, tmp_path):
    first = subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path)], stdout=subprocess.DEVNULL)
    while first.poll() is None and not any(half.stat().st_size for half in project.mlruns.glob(".mlflow.db.*")):
        time.sleep(0.005)
    first.kill()
    assert first.wait() != 0
    assert not (project.mlruns / "mlflow.db").exists()
    assert list(project.mlruns.iterdir())
    store.experiment(project, store.connect(project), "digits")
    assert sorted(path.name for path in project.mlruns.iterdir()) == ["mlflow.db"]


def test_projects_of_one_process_keep_their_stores_apart(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name, tmp_path / name)
        store.connect(project).create_registered_model(name)
    assert [model.name for model in store.connect(project).search_registered_models()] == ["two"]


def test_database_that_cannot_be_opened_is_told_in_one_sentence_before_mlflow_tries_for_long(project, monkeypatch):
    (project.mlruns / "mlflow.db").mkdir(parents=True)
    monkeypatch.setattr("mlflow.MlflowClient", lambda *_: pytest.fail("MLflow was asked"))
    with pytest.raises(
        HourglassError, match=r"^MLflow at sqlite:///.*mlflow\.db refused: unable to open database file$"
    ):
        store.connect(project)


def test_busy_database_is_left_to_mlflow_which_waits(project, monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.01))
    monkeypatch.setattr("mlflow.MlflowClient", lambda where: where)
    project.mlruns.mkdir(parents=True)
    with closing(sqlite3.connect(project.mlruns / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.connect(project) == store.uri(project)


def test_what_the_database_refuses_is_told_in_one_sentence(project, capfd):
    client = store.connect(project)
    with sqlite3.connect(project.mlruns / "mlflow.db") as database:
        database.execute("drop table experiments")
    with pytest.raises(HourglassError, match=r"^MLflow at sqlite:///.*mlflow\.db refused: no such table: experiments$"):
        store.experiment(project, client, "digits")
    assert "Traceback" not in "".join(capfd.readouterr())


def test_version_that_is_not_there_is_told_with_the_command_that_lists_those_that_are(project):
    store.connect(project).create_registered_model("digits")
    for uri in ("models:/digits/99", "models:/digits@champoin", "models:/others/1"):
        with pytest.raises(HourglassError, match=r"refused: .* not found; `hourglass models` lists the versions"):
            addresses.entry_of(project, uri)


def test_web_page_that_answers_in_place_of_mlflow_is_told_without_its_text():
    from mlflow.exceptions import MlflowException

    said = "API request to endpoint /a failed with error code 404 != 200. Response body: '<!DOCTYPE HTML>\n<html>'"
    told = r"^MLflow at http://here refused: API .* 404 != 200; a web page answered, so check the address$"
    with pytest.raises(HourglassError, match=told), store.store_errors("http://here"):
        raise MlflowException(said)


def test_server_that_is_down_is_named_with_what_to_do(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(HourglassError, match=r"127\.0\.0\.1:9 can't be reached.*finished work is kept.*unset MLFLOW"):
        store.connect(project)


def test_password_of_a_server_is_not_printed(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(HourglassError) as refused:
        store.connect(project)
    assert "secret" not in str(refused.value)


def test_moved_store_is_told(project, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    store.experiment(project, store.connect(project), "digits")
    moved = tmp_path / "moved"
    (tmp_path / "mlruns").rename(moved.joinpath("mlruns") if moved.mkdir() is None else moved)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    elsewhere = Project(moved, moved)
    with pytest.raises(HourglassError, match="this project was moved"):
        store.experiment(elsewhere, store.connect(elsewhere), "digits")
