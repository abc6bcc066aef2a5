"""Locks of the shared state."""

import subprocess
import sys
import time

import pytest

from hourglass.locks import collect, locked
from hourglass.project import Project

HOLD = """
import sys, time
from pathlib import Path
from hourglass.locks import locked
from hourglass.project import Project
root = Path(sys.argv[1])
with locked(Project(root, root), "x"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, tmp_path)


@pytest.fixture
def holder(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_another_process_is_kept_out(project, holder):
    with locked(project, "x", wait=False) as mine:
        assert not mine


def test_other_names_are_free(project, holder):
    with locked(project, "y", wait=False) as mine:
        assert mine


def test_lock_of_a_killed_process_is_free(project, holder):
    holder.kill()
    holder.wait()
    with locked(project, "x", wait=False) as mine:
        assert mine


def test_waiting_names_the_holder_and_what_it_holds(project, holder, capsys):
    from threading import Timer

    Timer(0.5, holder.kill).start()
    started = time.monotonic()
    with locked(project, "x"):
        assert time.monotonic() - started > 0.3
    assert f"waiting for process {holder.pid}, which holds x" in capsys.readouterr().out


def test_lock_leaves_no_file_behind(project, tmp_path):
    with locked(project, "x"):
        pass
    assert not list(tmp_path.rglob("*.lock"))


def test_files_of_killed_holders_are_collected_and_those_of_living_ones_stay(project, holder, tmp_path):
    collect(project)
    assert len(list(tmp_path.rglob("*.lock"))) == 1
    holder.kill()
    holder.wait()
    collect(project)
    assert not list(tmp_path.rglob("*.lock"))


def test_two_never_hold_one_lock_however_often_it_changes_hands(tmp_path):
    children = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "300"


COUNT = """
import sys
from pathlib import Path
from hourglass.locks import locked
from hourglass.project import Project
root = Path(sys.argv[1])
number = root / "count"
for _ in range(100):
    with locked(Project(root, root), "x"):
        number.write_text(str(int(number.read_text() if number.exists() else 0) + 1))
"""
