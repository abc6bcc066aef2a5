"""One runner per output, inputs that stand still, outputs that are whole or absent."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from hourglass import pipeline
from hourglass.dvc_cache import Cache
from hourglass.errors import HourglassError
from hourglass.files import write_json
from hourglass.stages import guard
from hourglass.stages.guard import run_guarded


def run(project, work=None, **options):
    def write(number, folder):
        (folder / "result.txt").write_text(str(2 * number))

    run_guarded(
        project,
        "double",
        project.root / "work" / "double",
        read=lambda: int((project.root / "number.txt").read_text()),
        work=work or write,
        **options,
    )


def result(project):
    path = project.root / "work" / "double" / "result.txt"
    return path.read_text() if path.exists() else None


def repro(project, *arguments):
    command = [sys.executable, "-m", "dvc", "repro", *arguments]
    return subprocess.run(command, cwd=project.root, check=True, capture_output=True, text=True).stdout


def test_output_comes_with_what_it_was_made_from(project):
    run(project)
    recorded = json.loads(project.inputs("double").read_text())
    assert result(project) == "42"
    assert recorded == pipeline.inputs(project, "double")
    assert recorded["params"] == {"factor": 2}


def test_input_that_moves_while_the_stage_runs_is_named_and_nothing_is_published(project):
    def meddle(number, folder):
        (project.root / "number.txt").write_text("1")

    with pytest.raises(HourglassError, match=r"number\.txt changed while double ran"):
        run(project, meddle)
    assert result(project) is None
    assert not project.inputs("double").exists()


def test_param_that_moves_is_seen_too(project):
    with pytest.raises(HourglassError, match="factor changed while double ran"):
        run(project, lambda number, folder: (project.root / "params.yaml").write_text("factor: 3"))


def test_finished_work_waits_for_its_inputs_to_come_back(project):
    def meddle(number, folder):
        (folder / "result.txt").write_text("finished")
        (project.root / "number.txt").write_text("1")

    with pytest.raises(HourglassError):
        run(project, meddle)
    (project.root / "number.txt").write_text("21")
    run(project, work=lambda number, folder: pytest.fail("it was finished"))
    assert result(project) == "finished"


def test_failing_work_leaves_the_old_output_whole(project):
    run(project)
    (project.root / "number.txt").write_text("5")

    def fail(number, folder):
        (folder / "result.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(project, fail)
    assert result(project) == "42"


def test_full_disk_is_told_in_one_sentence_whatever_a_library_said(project, monkeypatch):
    def fail(number, folder):
        monkeypatch.setattr(guard, "_SPARE_BYTES", 2**62)
        raise RuntimeError("63040 requested and 12160 written")

    with pytest.raises(HourglassError, match=r"no space left on device: .* make room and run double again"):
        run(project, fail)
    assert result(project) is None


def test_new_output_replaces_the_old_one_as_a_whole(project):
    run(project, lambda number, folder: (folder / "old.txt").write_text("x"))
    (project.root / "number.txt").write_text("4")
    run(project)
    assert [path.name for path in (project.root / "work" / "double").iterdir()] == ["result.txt"]


def interrupted(number, folder):
    (folder / "half.txt").write_text("half")
    raise KeyboardInterrupt


def test_resumable_work_finds_what_it_left(project):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(project, interrupted, resumable=True)
    run(project, lambda number, folder: seen.extend(folder.iterdir()), resumable=True)
    assert [path.name for path in seen] == ["half.txt"]


def test_other_work_starts_from_nothing(project):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(project, interrupted)
    run(project, lambda number, folder: seen.extend(folder.iterdir()))
    assert seen == []


@pytest.mark.parametrize("other", [{"fingerprint": {"cpu": "another"}}, {}])
def test_other_inputs_or_machines_never_see_unfinished_work(project, other):
    with pytest.raises(KeyboardInterrupt):
        run(project, interrupted, resumable=True)
    if not other:
        (project.root / "number.txt").write_text("6")
    seen = []
    run(project, lambda number, folder: seen.extend(folder.iterdir()), resumable=True, **other)
    assert seen == []


def test_forced_run_works_again_and_gives_the_same_lock(project):
    assert "working" in repro(project)
    lock = project.lock_file.read_text()
    assert "working" not in repro(project)
    assert "working" in repro(project, "--force")
    assert project.lock_file.read_text() == lock


def test_output_that_does_not_belong_to_the_lock_is_told(project):
    repro(project)
    (project.root / "number.txt").write_text("8")
    run(project)
    with pytest.raises(HourglassError, match=r"made from another number\.txt than dvc\.lock says"):
        pipeline.recorded_inputs(project, "double")


def test_missing_input_is_named(project):
    (project.root / "number.txt").unlink()
    with pytest.raises(HourglassError, match=r"number\.txt is missing"):
        run(project)


SLEEPER = """
from pathlib import Path
import os, time
from hourglass.project import Project
from hourglass.stages.guard import run_guarded
root = Path.cwd()
def work(_, folder):
    (root / "pid").write_text(str(os.getpid()))
    time.sleep(60)
run_guarded(Project(root, root), "double", root / "work" / "double", read=lambda: None, work=work)
"""


def test_stage_dies_with_dvc(project):
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"
    dvc = subprocess.Popen([sys.executable, "-c", parent], cwd=project.root, env=os.environ | {"DVC_STAGE": "double"})
    pid_file = project.root / "pid"
    _wait(lambda: pid_file.exists() and pid_file.read_text())
    stage = Path("/proc") / pid_file.read_text()
    dvc.send_signal(signal.SIGKILL)
    dvc.wait()
    _wait(lambda: not stage.exists())
    assert not stage.exists()


def test_stage_ends_when_dvc_ended_before_it_was_ready(project):
    code = SLEEPER.replace("root = Path.cwd()", "time.sleep(1); root = Path.cwd()")
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}])"
    subprocess.run(
        [sys.executable, "-c", parent], cwd=project.root, env=os.environ | {"DVC_STAGE": "double"}, check=True
    )
    time.sleep(2)
    assert not (project.root / "pid").exists()


#: What a process does to the file system, as Python tells its auditors; a kill comes just before.
CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "os.utime"}


def killed_at(step, root, action):
    """Call something in a copy of this process that is killed at its n-th change below a folder; tell if it was."""
    pid = os.fork()
    if pid == 0:
        steps = count(1)

        def kill(event, details):
            reads = event == "open" and not details[2] & (os.O_WRONLY | os.O_RDWR)
            if event in CHANGES and not reads and str(details[0]).startswith(str(root)) and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        action()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.fixture
def without_dvc(project, monkeypatch):
    """Ask nobody for the inputs, to be quick."""

    def inputs(project, stage):
        return {"stage": stage, "deps": {"number": (project.root / "number.txt").read_text()}, "params": {}}

    monkeypatch.setattr(pipeline, "inputs", inputs)
    monkeypatch.setattr(pipeline, "locked_inputs", lambda project, stage: None)
    return project


def test_stage_killed_at_any_step_leaves_old_or_new_output_and_its_rerun_repairs_all(without_dvc):
    project = without_dvc
    number = project.root / "number.txt"
    run(project)
    for step in count(1):
        before, now = result(project), str(1000 + step)
        number.write_text(now)
        killed = killed_at(step, project.root, lambda: run(project))
        assert result(project) in {before, None, str(2 * int(now))}
        if project.inputs("double").exists():
            made_from = json.loads(project.inputs("double").read_text())["deps"]["number"]
            assert result(project) == str(2 * int(made_from))
        run(project)
        assert [path.name for path in (project.root / "work" / "double").iterdir()] == ["result.txt"]
        assert result(project) == str(2 * int(now))
        assert json.loads(project.inputs("double").read_text())["deps"]["number"] == now
        assert not list((project.root / "work" / ".publish").iterdir())
        assert not list((project.state / "locks").iterdir())
        if not killed:
            break
    assert step > 20


def places(project):
    return list((project.state / "work").iterdir())


def test_finished_work_that_lost_a_byte_is_made_again(project):
    with pytest.raises(HourglassError):
        run(project, lambda number, folder: (project.root / "params.yaml").write_text("factor: 3"))
    (project.root / "params.yaml").write_text("factor: 2")
    (place,) = places(project)
    (place / "output" / "result.txt").write_text("4")
    run(project)
    assert result(project) == "42"


def test_finished_work_waits_until_dvc_has_it_whatever_the_lock_of_a_clone_says(project):
    run(project)
    inputs, made = pipeline.inputs(project, "double"), f"{'0' * 32}.dir"
    entry = {
        "cmd": "python double.py",
        "deps": [{"path": path, "md5": md5, "size": 2} for path, md5 in inputs["deps"].items()],
        "params": {"params.yaml": inputs["params"]},
        "outs": [{"path": "work/double", "md5": made, "size": 2, "nfiles": 1}],
    }
    write_json(project.lock_file, {"schema": "2.0", "stages": {"double": entry}})
    run(project, work=lambda number, folder: pytest.fail("it was finished"))
    kept = Cache.of(project).path(made)
    kept.parent.mkdir(parents=True)
    kept.touch()
    run(project, lambda number, folder: (folder / "result.txt").write_text("again"))
    assert result(project) == "again"


def test_work_that_nobody_asked_for_in_two_weeks_is_removed(without_dvc):
    project = without_dvc
    run(project)
    (old,) = places(project)
    os.utime(old, (0, 0))
    (project.root / "number.txt").write_text("3")
    run(project)
    assert len(places(project)) == 1
    assert not old.exists()


def test_newest_five_pieces_of_a_stages_work_wait(without_dvc):
    project = without_dvc
    for number in range(8):
        (project.root / "number.txt").write_text(str(number))
        run(project)
    assert len(places(project)) == 6


def test_work_in_use_is_never_removed(without_dvc):
    project = without_dvc
    run(project)
    (old,) = places(project)
    os.utime(old, (0, 0))
    (project.root / "number.txt").write_text("3")
    held = subprocess.Popen([sys.executable, "-c", HOLD, str(project.root), str(old)], stdout=subprocess.PIPE)
    held.stdout.readline()
    run(project)
    assert old.exists()
    held.kill()
    held.wait()
    run(project)
    assert not old.exists()


HOLD = """
import sys, time
from pathlib import Path
from hourglass.locks import locked
from hourglass.project import Project
root = Path(sys.argv[1])
with locked(Project(root, root), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def _wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
