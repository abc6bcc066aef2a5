"""Processes that end with the one that started them."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hourglass.process import child_command

#: A parent that starts a child and waits for it, as each of its arguments says.
PARENT = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from hourglass.process import child_command
command = child_command("sleeper") if {mortal} else [sys.executable, "-c", {child!r}]
with ThreadPoolExecutor() as pool:
    {pool}
"""
IN_POOL, IN_MAIN = "pool.submit(subprocess.run, command).result()", "subprocess.run(command)"
SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
ASKS_THE_KERNEL = f"from hourglass.process import die_with_parent; die_with_parent(); {SLEEP}"
POLLS = "import threading, os; from hourglass import process; "
POLLS += f"threading.Thread(target=process._poll, args=(os.getppid(),), daemon=True).start(); {SLEEP}"


@pytest.fixture
def family(tmp_path):
    """Start a parent and give it with the pid that its child printed."""
    (tmp_path / "sleeper.py").write_text(SLEEP)
    started = []

    def start(child="", start_in=IN_MAIN):
        code = PARENT.format(mortal=not child, child=child, pool=start_in)
        parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append((parent, int(parent.stdout.readline())))
        return started[-1]

    yield start
    for parent, child in started:
        parent.kill()
        parent.wait()
        if alive(child):
            os.kill(child, signal.SIGKILL)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid, seconds=10):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux
@pytest.mark.parametrize("child", [ASKS_THE_KERNEL, POLLS], ids=["linux", "elsewhere"])
def test_process_ends_when_its_parent_is_killed(family, child):
    parent, pid = family(child)
    parent.kill()
    assert ends(pid)


@linux
def test_other_processes_outlive_their_parent(family):
    parent, pid = family(SLEEP)
    parent.kill()
    assert not ends(pid, seconds=0.7)


@linux
@pytest.mark.parametrize("start_in", [IN_MAIN, IN_POOL], ids=["main thread", "pool thread"])
def test_started_module_ends_when_its_starter_is_killed(family, start_in):
    parent, pid = family(start_in=start_in)
    parent.kill()
    assert ends(pid)


def test_child_that_comes_too_late_ends_at_once(tmp_path):
    (tmp_path / "late.py").write_text("print('here')")
    command = child_command("late")
    command[3] = str(os.getppid())  # not the parent
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == ""


def test_started_module_gets_its_arguments_and_gives_its_exit_status(tmp_path):
    (tmp_path / "module.py").write_text("import sys; print(__name__, sys.argv[1:]); sys.exit(3)")
    with ThreadPoolExecutor() as pool:
        command = child_command("module", "a", "--b")
        done = pool.submit(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False).result()
    assert done.returncode == 3
    assert done.stdout == "__main__ ['a', '--b']\n"


def test_orphan_knows_that_it_was_adopted(tmp_path):
    said = tmp_path / "said"
    orphan = "import os, sys, time\nfrom hourglass.process import adopted\n"
    orphan += f"print(adopted(), file=open({str(said)!r}, 'a'), flush=True)\n"
    orphan += "parent = os.getppid()\nwhile os.getppid() == parent: time.sleep(0.02)\n"
    orphan += f"print(adopted(), file=open({str(said)!r}, 'a'), flush=True)"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {orphan!r}]); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    _wait_for_lines(said, 1)
    parent.kill()
    parent.wait()
    _wait_for_lines(said, 2)
    assert said.read_text().split() == ["False", "True"]


def _wait_for_lines(path, count):
    end = time.monotonic() + 20
    while not path.exists() or len(path.read_text().split()) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
