import os
import subprocess
import sys
import tempfile
import threading

import pytest

from hourglass import slots
from hourglass.errors import HourglassError


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Share no GPU with who tests beside us."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Make a machine whose `nvidia-smi` is a script of ours."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def install(script):
        command = commands / "nvidia-smi"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    return install


def test_all_gpus_of_the_machine_are_found(machine):
    machine('[ "$*" = "--query-gpu=index --format=csv,noheader" ] && printf "0\\n1\\n2\\n"')
    assert slots.gpus() == ("0", "1", "2")


@pytest.mark.parametrize("script", ["exit 9", "true"])
def test_a_machine_whose_driver_is_broken_has_no_gpu(machine, script):
    machine(script)
    assert slots.gpus() == ()


def test_a_machine_without_a_driver_has_no_gpu(machine):
    assert slots.gpus() == ()


@pytest.mark.parametrize(
    ("chosen", "pool"), [("2,3", ("2", "3")), ("GPU-a1, GPU-b2", ("GPU-a1", "GPU-b2")), ("", ()), ("-1", ())]
)
def test_what_the_user_made_visible_is_the_pool(machine, monkeypatch, chosen, pool):
    machine("printf '0\\n1\\n'")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert slots.gpus() == pool


def test_finding_gpus_imports_no_torch():
    code = "import sys; from hourglass import slots; slots.gpus(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_two_trainings_never_hold_the_same_gpu():
    with (
        slots.leased(("0", "1"), pytest.fail) as first,
        slots.leased(("0", "1"), pytest.fail) as second,
    ):
        assert {first, second} == {"0", "1"}


def test_a_third_training_waits_until_a_gpu_comes_free(monkeypatch):
    monkeypatch.setattr(slots, "_PAUSE_SECONDS", 0.01)
    waits, got = threading.Event(), []

    def third():
        with slots.leased(("0", "1"), waits.set) as device:
            got.append(device)

    thread = threading.Thread(target=third)
    with slots.leased(("0", "1"), pytest.fail):
        with slots.leased(("0", "1"), pytest.fail) as freed:
            thread.start()
            assert waits.wait(10)
            assert got == []
        thread.join(10)
    assert got == [freed]


def test_a_training_on_several_gpus_waits_for_all_of_them_and_holds_none_meanwhile(monkeypatch):
    monkeypatch.setattr(slots, "_PAUSE_SECONDS", 0.01)
    waits, got = threading.Event(), []

    def wide():
        with slots.leased(("0", "1"), waits.set, 2) as devices:
            got.append(devices)

    thread = threading.Thread(target=wide)
    with slots.leased(("0",), pytest.fail):
        thread.start()
        assert waits.wait(10)
        with slots.leased(("1",), lambda: None) as free:
            assert (free, got) == ("1", [])
    thread.join(10)
    assert got == ["0,1"]


def test_a_training_on_few_of_many_gpus_leaves_the_others():
    with slots.leased(("0", "1", "2"), pytest.fail, 2) as two, slots.leased(("0", "1", "2"), pytest.fail) as one:
        assert (two, one) == ("0,1", "2")


def test_more_gpus_than_there_are_are_refused():
    refusal = pytest.raises(HourglassError, match=r"train\.devices is 2, and this machine has 1 GPU")
    with refusal, slots.leased(("0",), pytest.fail, 2):
        pass


HOLD = """
import time
from hourglass import slots

with slots.leased(("0",), print) as device:
    print(device, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, in a folder of its own, that holds the GPU."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, cwd=elsewhere, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "0\n"
        yield child
        child.kill()


def test_trainings_of_two_projects_never_hold_the_same_gpu(holder):
    with slots.leased(("0", "1"), pytest.fail) as device:
        assert device == "1"


def test_a_killed_holder_frees_its_gpu(holder):
    holder.kill()
    holder.wait()
    with slots.leased(("0",), pytest.fail) as device:
        assert device == "0"


def test_another_users_lock_is_readable_whatever_the_umask(temporary):
    before = os.umask(0o077)
    try:
        with slots.leased(("0",), pytest.fail):
            pass
    finally:
        os.umask(before)
    (lock,) = temporary.glob("hourglass-*.lock")
    assert lock.stat().st_mode & 0o777 == 0o444
