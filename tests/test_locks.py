"""Locks of the shared state."""

import subprocess
import sys
import time

import pytest

from hourglass.locks import locked
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
