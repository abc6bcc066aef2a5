import os
import subprocess
import sys
import threading

import pytest

from hourglass import slots
from hourglass.project import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, tmp_path)


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


def test_two_trainings_never_hold_the_same_gpu(project):
    with (
        slots.leased(project, ("0", "1"), pytest.fail) as first,
        slots.leased(project, ("0", "1"), pytest.fail) as second,
    ):
        assert {first, second} == {"0", "1"}


def test_a_third_training_waits_until_a_gpu_comes_free(project, monkeypatch):
    monkeypatch.setattr(slots, "_PAUSE_SECONDS", 0.01)
    waits, got = threading.Event(), []

    def third():
        with slots.leased(project, ("0", "1"), waits.set) as device:
            got.append(device)

    thread = threading.Thread(target=third)
    with slots.leased(project, ("0", "1"), pytest.fail):
        with slots.leased(project, ("0", "1"), pytest.fail) as freed:
            thread.start()
            assert waits.wait(10)
            assert got == []
        thread.join(10)
    assert got == [freed]


HOLD = """
import sys, time
from pathlib import Path
from hourglass import slots
from hourglass.project import Project

with slots.leased(Project(Path(sys.argv[1]), Path(sys.argv[1])), ("0",), print) as device:
    print(device, flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_frees_its_gpu(project):
    with subprocess.Popen([sys.executable, "-c", HOLD, project.home], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "0\n"
        holder.kill()
    with slots.leased(project, ("0",), pytest.fail) as device:
        assert device == "0"
