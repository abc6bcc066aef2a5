"""A stage, or DVC above it, is killed at a random moment."""

import shutil

import pytest
from ruamel.yaml import YAML

from hourglass import dvc_lock
from hourglass.project import Project
from tests.faults.cases import drawn, told

pytestmark = [pytest.mark.fault, pytest.mark.slow]

#: What is killed: how many cases, the stages that it runs in, its command, how many seconds it lives
#: about, and by which clock.
KILLED = {
    "ingest": (2, ("ingest",), "hourglass ingest", 1.5, "cpu"),
    "trainer": (5, ("train@vae", "train@autoencoder"), "hourglass train", 4.0, "cpu"),
    "packager": (3, ("package@vae",), "hourglass package", 7.0, "cpu"),
    "evaluator": (3, ("evaluate@vae",), "hourglass evaluate", 4.0, "cpu"),
    "compare": (2, ("compare",), "hourglass compare", 5.0, "cpu"),
    "dvc": (5, ("ingest", "train@vae", "package@vae", "evaluate@vae", "compare"), "dvc repro", 5.0, "wall"),
}
#: Kills of a case: each meets what those before it left.
_KILLS = 8
CASES = [(kind, number) for kind, (cases, *_) in KILLED.items() for number in range(cases)]
#: Tries to find the process alive: one that goes on from what another left is over sooner, one that starts anew is not.
_TRIES = 4


def forget(case, stage):
    """Make a stage run again: nothing remembers its result."""
    yaml = YAML()
    lock = yaml.load(case.root / "dvc.lock")
    for out in lock["stages"].pop(stage)["outs"]:
        path = case.root / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    yaml.dump(lock, case.root / "dvc.lock")
    for memory in (".dvc/cache/runs", ".hourglass/work"):
        shutil.rmtree(case.root / memory, ignore_errors=True)


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_killed_process_is_made_good_by_the_next_run(case, kind, number, repeated, record_property):
    _, stages, words, lived, clock = KILLED[kind]
    stage = stages[number % len(stages)]
    lock, outputs = case.lock, case.outputs
    command = ("dvc", "repro", "--single-item", stage)
    lives, life = case.template.lives, f"{kind} {stage}"
    forget(case, stage)
    fresh = True
    for kill in range(_KILLS if repeated else 1):
        moment = drawn(kind, number, kill)
        for _ in range(_TRIES):
            over_at = case.kill(command, words, moment * lives.get(life, lived), clock)
            if over_at is None:
                break
            if fresh:
                lives[life] = over_at
            case.require_no_orphans()
            case.template.restore()
            forget(case, stage)
            fresh = True
        fresh = False
        told(record_property, kind, moment, hit=over_at is None)
        case.require_no_orphans()
        _require_whole_or_gone(case, [out["path"] for out in lock[stage]["outs"]], outputs)
    mended = dvc_lock.mend(Project(case.root, case.root))  # as a flow does
    case.run(*command)
    if mended:  # killed while DVC wrote the lock; what that of the last commit lacks comes back from the run cache
        case.run("dvc", "repro")
    case.require_no_orphans()
    assert case.lock == lock
    assert case.outputs == outputs
    case.require_one_of_each()


def _require_whole_or_gone(case, names, outputs):
    """Hold what lies under the final names to being all of what an undisturbed run made, or nothing."""
    there = case.outputs
    for name in names:
        mine = {path: value for path, value in there.items() if f"work/{path}".startswith(name)}
        assert mine.items() <= outputs.items()
        assert not mine or set(mine) == {path for path in outputs if f"work/{path}".startswith(name)}
