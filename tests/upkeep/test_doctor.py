"""``hourglass doctor`` on projects that are broken in one way each."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import mlflow
import pytest
from alembic.script import ScriptDirectory

from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.registry import store, tracking
from hourglass.registry.tracking import Training
from hourglass.upkeep import doctor, registered, verify
from hourglass.upkeep.checks import checkout, machine
from hourglass.upkeep.checks import store as stores
from hourglass.upkeep.finding import Finding, ok


@pytest.fixture(scope="module")
def run(stored):
    """A run that was begun and not ended."""
    with pytest.MonkeyPatch.context() as env:
        env.setenv("MLFLOW_TRACKING_URI", "")
        client = store.connect(stored)
        with tracking.run_of(stored, client, "doctor", Training("vae", {"deps": {}, "params": {}}, {})) as run:
            client.log_text(run, "kept", "note.txt")
    return run


@pytest.fixture
def moved(project, stored, run):
    """A project whose store was made elsewhere."""
    shutil.copytree(stored.mlruns, project.mlruns)
    return project


def execute(project, command):
    with closing(sqlite3.connect(project.mlruns / "mlflow.db")) as opened, opened:
        return opened.execute(command).fetchall()


def leave_hot_journal(database):
    """Write as a process does that is killed between its first page and its commit."""
    copy = database.with_name("copy.db")
    with closing(sqlite3.connect(database)) as opened:
        opened.executescript("CREATE TABLE kept (text); INSERT INTO kept VALUES ('one')")
        opened.executescript("PRAGMA cache_size = 1; BEGIN; CREATE TABLE more (text)")
        opened.executemany("INSERT INTO more VALUES (?)", [("x" * 3000,)] * 50)
        opened.execute("INSERT INTO kept VALUES ('two')")
        shutil.copyfile(database, copy)
        journal = Path(f"{database}-journal").read_bytes()
    copy.replace(database)
    Path(f"{database}-journal").write_bytes(journal)


def of(findings, name):
    (found,) = [finding for finding in findings if finding.name == name]
    return found


def test_findings_are_told_as_a_table_and_as_json_and_a_bad_one_gives_status_1(project, capsys):
    project.params_file.write_text("sed: 1\n")
    assert doctor.report(doctor.examine(project), as_json=False) == 1
    assert "did you mean 'seed'" in capsys.readouterr().out
    assert doctor.report(doctor.examine(project), as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["sound"]
    assert "bad" in {finding["state"] for finding in found["findings"]}


def test_check_that_fails_itself_is_a_finding(project, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(doctor, "_CHECKS", (broken,))
    (finding,) = doctor.examine(project)
    assert finding.state == "bad"
    assert "ZeroDivisionError: oh" in finding.sentence


def test_mending_that_fails_is_told_and_the_rest_is_still_looked_at(project, monkeypatch, capsys):
    def mend():
        raise sqlite3.OperationalError("oh")

    checks = (lambda _: Finding("store", "bad", "no", "mend it", mend), lambda _: ok("git", "is well"))
    monkeypatch.setattr(doctor, "_CHECKS", checks)
    assert [finding.name for finding in doctor.examine(project, fix=True)] == ["store", "git"]
    assert "couldn't be mended: OperationalError: oh" in capsys.readouterr().err


def test_moved_project_is_told_and_mended(moved, stored, run, capsys):
    finding = stores.place(moved)
    assert finding.state == "bad"
    assert stored.mlruns.as_uri() in finding.sentence
    assert of(doctor.examine(moved, fix=True), "place of the store").state == "ok"
    assert "paths in the store were set to" in capsys.readouterr().err
    client = store.connect(moved)
    store.experiment(moved, client, "doctor")
    (moved.mlruns / "artifacts" / run / "artifacts" / "note.txt").write_text("the one that was moved")
    assert mlflow.artifacts.load_text(f"{client.get_run(run).info.artifact_uri}/note.txt") == "the one that was moved"


def test_store_as_it_was_is_kept_when_paths_are_rewritten(moved):
    before = execute(moved, "SELECT artifact_uri FROM runs")
    stores.place(moved).mend()
    (copy,) = moved.mlruns.glob("*.backup")
    with closing(sqlite3.connect(copy)) as opened:
        assert opened.execute("SELECT artifact_uri FROM runs").fetchall() == before
    assert execute(moved, "SELECT artifact_uri FROM runs") != before


def test_store_that_came_without_its_artifacts_is_not_rewritten(moved):
    shutil.rmtree(moved.mlruns / "artifacts")
    finding = stores.place(moved)
    assert finding.state == "bad"
    assert finding.mend is None


def test_tables_of_the_installed_mlflow_are_found_right(moved):
    scripts = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    assert stores._revisions()[0] == scripts.get_current_head()
    assert stores.schema(moved).state == "ok"


def test_tables_of_a_newer_mlflow_are_left_alone(moved):
    execute(moved, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    finding = stores.schema(moved)
    assert (finding.state, finding.mend) == ("bad", None)
    assert "newer MLflow" in finding.sentence


@pytest.mark.services
@pytest.mark.slow
def test_store_whose_making_was_interrupted_is_made_anew(project):
    project.mlruns.mkdir()
    execute(project, "CREATE TABLE experiments (artifact_location TEXT)")
    finding = stores.schema(project)
    assert finding.state == "bad"
    assert "half made" in finding.sentence
    finding.mend()
    assert stores.schema(project) is None
    assert store.connect(project).search_experiments()


def test_file_that_is_no_database_is_moved_aside_with_its_journal(project):
    project.mlruns.mkdir()
    (project.mlruns / "mlflow.db").write_text("no database, but long enough to be taken for one" * 50)
    (project.mlruns / "mlflow.db-wal").touch()
    finding = stores.schema(project)
    assert "is damaged" in finding.sentence
    assert (stores.place(project), stores.runs(project)) == (None, None)
    finding.mend()
    database, journal = sorted(path.name for path in project.mlruns.iterdir())
    assert database.endswith(".unreadable")
    assert journal == f"{database}-wal"


def test_store_whose_writer_was_killed_is_whole(project):
    project.mlruns.mkdir()
    leave_hot_journal(project.mlruns / "mlflow.db")
    assert "half made" in stores.schema(project).sentence
    assert execute(project, "SELECT count(*) FROM kept") == [(1,)]


def test_store_that_a_process_holds_is_not_moved_aside(project, monkeypatch):
    project.mlruns.mkdir()
    execute(project, "CREATE TABLE kept (text)")
    connect = partial(sqlite3.connect, timeout=0)
    monkeypatch.setattr("hourglass.upkeep.sqlite.sqlite3.connect", connect)
    with closing(connect(project.mlruns / "mlflow.db")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        finding = stores.schema(project)
        assert finding.mend is None
        assert "is locked" in finding.sentence
        with pytest.raises(HourglassError, match="can't be read now"):
            list(registered.check(project))


def test_run_that_nobody_works_on_is_told_and_ended(moved, run):
    stores.place(moved).mend()
    finding = stores.runs(moved)
    assert finding.state == "warn"
    finding.mend()
    assert execute(moved, f"SELECT status FROM runs WHERE run_uuid = '{run}'") == [("KILLED",)]
    assert stores.runs(moved).state == "ok"


def test_run_that_a_process_works_on_is_left_alone(moved, run):
    execute(moved, f"UPDATE runs SET status = 'FINISHED' WHERE run_uuid != '{run}'")
    tags = dict(execute(moved, f"SELECT key, value FROM tags WHERE run_uuid = '{run}' AND key LIKE 'hourglass.%'"))
    with locked(moved, tracking.lock_of(tags)):
        assert stores.runs(moved).state == "ok"


def test_server_that_is_down_is_told(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert stores.reachable(project).state == "bad"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("stages: [", "is damaged"),
        ("<<<<<<< ours\nstages: {}\n=======\nstages: {}\n>>>>>>> theirs\n", "marks of a merge conflict"),
        ("", "is damaged"),
    ],
)
def test_damaged_dvc_lock_is_told(project, monkeypatch, content, said):
    monkeypatch.setattr("hourglass.dvc_lock.PATIENCE_SECONDS", 0.0)
    project.lock_file.write_text(content)
    finding = checkout.dvc_lock(project)
    assert finding.state == "bad"
    assert said in finding.sentence


def test_damaged_settings_of_dvc_are_told(project):
    assert checkout.dvc(project).state == "ok"
    (project.root / ".dvc" / "config").write_text("garbage[[")
    finding = checkout.dvc(project)
    assert finding.state == "bad"
    assert "can't be read" in finding.sentence
    assert "can't be read" in verify.verify(project)[0].unread


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_a_dead_process_half_made_is_deleted_and_that_of_a_living_one_is_not(project, dead):
    gone = [project.root / name.format(dead) for name in (".data-new.{0}", "..data-new.{0}.{0}", ".data-shard.{0}")]
    here = [project.root / ".data-new.1", project.root / ".judged.csv.hourglass.1"]
    gone.append(project.root / f".judged.csv.hourglass.{dead}")
    for folder in (*gone, *here):
        folder.mkdir()
    checkout.leftovers(project).mend()
    assert all(folder.is_dir() for folder in here)
    assert not any(folder.exists() for folder in gone)
    assert checkout.leftovers(project).state == "ok"


def test_folders_of_others_are_no_leftovers(project, dead):
    for name in (".databricks", ".data_backup", f".data-backup.{dead}", ".data.old", f".judged.csv.{dead}"):
        (project.root / name).mkdir()
    assert checkout.leftovers(project).state == "ok"


@pytest.fixture
def half_replaced(project):
    """A project whose snapshot is being replaced."""
    project.data.rename(project.root / ".data.old")
    project.data.mkdir()
    return project


def test_snapshot_whose_replacement_was_killed_is_put_back(half_replaced):
    assert checkout.snapshot(half_replaced).state == "warn"
    checkout.snapshot(half_replaced).mend()
    assert (half_replaced.data / "rows.npy").is_file()
    assert checkout.snapshot(half_replaced).state == "ok"


def test_snapshot_that_a_process_replaces_just_now_is_left_alone(half_replaced):
    with locked(half_replaced, str(half_replaced.data)):
        assert checkout.snapshot(half_replaced).state == "ok"


def test_uncommitted_paths_are_counted_without_dvc_lock(project):
    assert checkout.repository(project).state == "ok"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", project.root], check=True)
    finding = checkout.repository(project)
    assert finding.state == "warn"
    assert "on main" in finding.sentence


@pytest.mark.parametrize(
    ("line", "state", "said"),
    [
        ("rich==0.0.1", "warn", "rich"),
        ("sqlalchemy==1.4.0", "bad", "schedules then never fire"),
        ("fastapi==0.1.0", "bad", "server then can't start"),
        ("a-package-that-nobody-installed==1.0", "ok", "all packages"),
    ],
)
def test_versions_outside_the_lock_are_told_with_what_they_break(project, line, state, said):
    (project.root / "requirements.lock").write_text(f"# exact versions\n{line}\n")
    finding = machine.versions(project)
    assert finding.state == state
    assert said in finding.sentence


def test_disk_that_is_nearly_full_is_told(project, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 10**8))
    assert machine.disk(project).state == "bad"


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Stand in for NVIDIA's tool."""

    def install(script):
        (tmp_path / "bin").mkdir()
        tool = tmp_path / "bin" / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    return install


def test_machine_without_a_gpu_is_sound(project, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert machine.gpu(project).state == "ok"


def test_gpu_that_torch_cannot_use_is_told(project, driver, monkeypatch):
    driver("echo 'NVIDIA H100, 470.82'")
    monkeypatch.setattr(machine, "version", lambda _: "2.13.0+cpu")
    assert "build for the CPU alone" in machine.gpu(project).sentence


def test_driver_that_fails_is_told(project, driver):
    driver("echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9")
    finding = machine.gpu(project)
    assert finding.state == "bad"
    assert "could not communicate" in finding.sentence
