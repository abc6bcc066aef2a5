"""New data, a retraining that is killed, the next one, and its results in the main checkout: the whole way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from hourglass.files import folder_hashes

pytestmark = pytest.mark.services

CODE = """
import json, sys
from dataclasses import asdict
from hourglass.project import Project
from hourglass.retraining import retrain_apart
done = retrain_apart(Project.find(), json.loads(sys.argv[1]), lambda line: print(line, flush=True))
print(json.dumps(asdict(done), default=str))
"""


def start(checkout, **settings) -> subprocess.Popen:
    command = [sys.executable, "-c", CODE, json.dumps(settings)]
    return subprocess.Popen(
        command, cwd=checkout.root, env=checkout.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(child: subprocess.Popen) -> tuple[dict, str]:
    said, _ = child.communicate(timeout=500)
    assert child.returncode == 0, said
    return json.loads(said.splitlines()[-1]), said


def at_work_in(folder: Path) -> list[psutil.Process]:
    """List processes but the mirror, which stays for a while to mark its run as killed."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder) and "hourglass.registry.mirror" not in process.cmdline():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def shard(path: Path, rows: int) -> Path:
    draw = np.random.default_rng(rows)
    np.savez(path, x=draw.integers(0, 17, (rows, 8, 8)).astype(np.uint8), digit=np.zeros(rows, np.uint8))
    return path


@dataclass(frozen=True)
class Story:
    """A checkout after its data grew and a killed and a whole retraining went by."""

    checkout: object
    head: str
    lock: str
    orphans: list
    left: list[str]
    done: dict
    said: str


@pytest.fixture(scope="module")
def story(finished, server, tmp_path_factory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    checkout = finished.frozen.copy(folder / "hourglass")
    checkout = replace(checkout, env=checkout.env | {"PREFECT_API_URL": server})
    checkout.git("commit", "--quiet", "--all", "--message", "first run")
    head, lock = checkout.git("rev-parse", "HEAD").strip(), checkout.lock
    checkout.hourglass("add", str(shard(folder / "new.npz", 40)))

    places = checkout.root / ".hourglass" / "worktrees"
    first = start(checkout, **{"vae.latent": 4})
    for line in first.stdout:
        if "Running stage 'train@" in line:
            break
    first.send_signal(signal.SIGKILL)
    first.communicate()
    end = time.monotonic() + 60
    while (orphans := at_work_in(places)) and time.monotonic() < end:
        time.sleep(0.2)
    left = [path.name for path in places.iterdir()]
    done, said = finish(start(checkout, **{"vae.latent": 4}))
    return Story(checkout, head, lock, orphans, left, done, said)


def test_killed_retraining_leaves_no_process_and_the_next_clears_up_after_it(story):
    assert story.orphans == []
    assert story.left == ["1"]
    assert not list((story.checkout.root / ".hourglass" / "worktrees").iterdir())
    assert len(story.checkout.git("worktree", "list").splitlines()) == 1


def test_checkout_did_not_move(story):
    assert story.checkout.git("rev-parse", "HEAD").strip() == story.head
    assert story.checkout.lock == story.lock
    assert story.checkout.git("status", "--porcelain") == ""


def test_retraining_took_the_new_data_and_the_settings_and_is_tagged(story):
    git = story.checkout.git
    assert git("tag").split() == [story.done["tag"]]
    assert git("diff", "--name-only", story.head, story.done["tag"]).split() == ["data.dvc", "dvc.lock", "params.yaml"]
    assert "latent: 4" in git("show", f"{story.done['tag']}:params.yaml")
    assert git("show", f"{story.done['tag']}:data.dvc") == git("show", "hourglass/data:data.dvc")
    assert Path(story.done["report"]).is_file()


def test_registered_version_names_a_commit_below_the_tag(story):
    code = (
        "from hourglass.project import Project; from hourglass.registry import store;"
        "v = store.connect(Project.find()).get_model_version('hourglass', '1');"
        "print(v.tags['mlflow.source.git.commit'], v.tags['hourglass.dirty'])"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.check_output(command, cwd=story.checkout.root, env=story.checkout.env, text=True)
    commit, dirty = told.split()
    assert dirty == "no"
    assert story.checkout.git("rev-parse", f"{story.done['tag']}~1").strip() == commit


def test_merged_tag_restores_the_outputs_in_the_main_checkout_without_running_a_stage(story, tmp_path):
    checkout = story.checkout.copy(tmp_path / "merged")
    checkout.git("merge", "--quiet", story.done["tag"])
    lock = checkout.lock
    before = folder_hashes(checkout.root / "work" / "package" / "vae")
    checkout.dvc("checkout")
    assert folder_hashes(checkout.root / "work" / "package" / "vae") != before
    assert "Data and pipelines are up to date" in checkout.dvc("repro")
    assert checkout.lock == lock
    assert checkout.git("status", "--porcelain") == ""


def test_merged_data_is_brought_in_by_the_next_run_and_nothing_trains_twice(story, tmp_path):
    checkout = story.checkout.copy(tmp_path / "run")
    checkout.git("merge", "--quiet", story.done["tag"])
    assert "0 stages ran" in checkout.hourglass("run")
    assert checkout.git("status", "--porcelain") == ""


def test_two_shards_at_once_both_land(story, tmp_path):
    checkout = story.checkout.copy(tmp_path / "both")
    commands = [
        [sys.executable, "-m", "hourglass", "add", str(shard(tmp_path / f"{rows}.npz", rows))] for rows in (11, 12)
    ]
    children = [subprocess.Popen(command, cwd=checkout.root, env=checkout.env) for command in commands]
    assert [child.wait(timeout=200) for child in children] == [0, 0]
    added = checkout.git("log", "--format=%s", f"{story.head}..hourglass/data").splitlines()
    assert len(added) == 3
    checkout.git("merge", "--quiet", "hourglass/data")
    checkout.dvc("checkout", "data.dvc")
    assert len([path for path in (checkout.root / "data").iterdir() if path.is_dir()]) == 4


def test_killed_addition_adds_nothing_and_can_be_repeated(story, tmp_path):
    checkout = story.checkout.copy(tmp_path / "killed")
    tip = checkout.git("rev-parse", "hourglass/data")
    command = [sys.executable, "-m", "hourglass", "add", str(shard(tmp_path / "more.npz", 13))]
    for seconds in (1.0, 2.5, 4.0):
        child = subprocess.Popen(command, cwd=checkout.root, env=checkout.env, stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert checkout.git("rev-list", "--count", f"{tip.strip()}..hourglass/data").strip() in {"0", "1"}
    checkout.hourglass("add", command[-1])
    assert checkout.git("rev-list", "--count", f"{tip.strip()}..hourglass/data").strip() == "1"


def test_fresh_clone_can_add_though_no_cache_holds_its_data(clone, tmp_path):
    fresh = clone.copy(tmp_path / "fresh")
    fresh.hourglass("add", str(shard(tmp_path / "new.npz", 14)))
    assert not (fresh.root / "data").exists()
    assert fresh.git("status", "--porcelain") == ""
    fresh.git("merge", "--quiet", "hourglass/data")
    fresh.dvc("checkout", "data.dvc")
    assert len([path for path in (fresh.root / "data").iterdir() if path.is_dir()]) == 2
