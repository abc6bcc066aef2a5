"""The checkout: settings, dvc.lock, git, what killed processes left."""

import re
import time
from pathlib import Path

import psutil

from hourglass import params
from hourglass.dvc_cache import Cache
from hourglass.dvc_lock import entries as lock_entries
from hourglass.errors import HourglassError
from hourglass.files import delete, left_behind
from hourglass.git import git, has_repository
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.upkeep.finding import Finding, ok

_OLD_SECONDS = 3600
#: What is built beside ``data/``; the last number is that of the process.
_HALF_MADE = re.compile(r"(\.data-new|\.data-shard|\.\.data-new\.\d+)\.(?P<process>\d+)")


def settings(project: Project) -> Finding:
    """Read params.yaml."""
    name = "params.yaml"
    try:
        loaded = params.load(project.params_file).check()
    except HourglassError as wrong:
        return Finding(name, "bad", str(wrong), "mend the file; `git diff params.yaml` shows what changed")
    return ok(name, f"is valid; variants {', '.join(loaded.variants)}")


def dvc(project: Project) -> Finding:
    """Read DVC's settings."""
    name = "DVC"
    try:
        return ok(name, f"its cache is {Cache.of(project).folder}")
    except HourglassError as broken:
        return Finding(name, "bad", str(broken), "`git diff .dvc` shows what changed")


def dvc_lock(project: Project) -> Finding:
    """Read dvc.lock."""
    name, file = "dvc.lock", project.lock_file
    if not file.is_file():
        return ok(name, "isn't there yet; the first run writes it")
    if re.search(r"^(<<<<<<<|=======|>>>>>>>)", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
        fix = "take one side (`git checkout --ours dvc.lock`), then `hourglass run`"
        return Finding(name, "bad", "holds the marks of a merge conflict", fix)
    try:
        entries = lock_entries(project)
    except HourglassError as damaged:
        return Finding(name, "bad", str(damaged), "run `hourglass run`")
    return ok(name, f"holds {len(entries)} stages")


def repository(project: Project) -> Finding:
    """Ask git; none of its states is wrong, but a result is only repeatable from a commit."""
    name = "git"
    if not has_repository(project.root):
        return ok(name, "there is no repository; versions can't be reproduced, everything else works")
    left = Path(git(project.root, "rev-parse", "--absolute-git-dir")) / "index.lock"
    if left.exists() and time.time() - left.stat().st_mtime > _OLD_SECONDS and not _runs("git"):
        said = f"{left} was left by a git that was killed"
        return Finding(name, "bad", said, f"delete {left}", lambda: _delete(left))
    branch = git(project.root, "branch", "--show-current") or "no branch (detached)"
    dirty = git(project.root, "status", "--porcelain", "--", ".", ":(exclude)dvc.lock").splitlines()
    if dirty:
        fix = "commit before you register what others are to reproduce"
        return Finding(name, "warn", f"on {branch}; {len(dirty)} paths are not committed", fix)
    return ok(name, f"on {branch}, everything is committed")


def snapshot(project: Project) -> Finding:
    """Look for a replacement of ``data/`` that was killed: the snapshot from before lies beside it."""
    name, old = "data/", project.data.with_name(f".{project.data.name}.old")
    if not old.exists() or _is_being_replaced(project):
        return ok(name, "no replacement of it was cut off")
    said = f"its replacement was cut off; the snapshot from before is in {old.name}"
    fix = "run `hourglass doctor --fix`, which puts it back, as `hourglass run` does"
    return Finding(name, "warn", said, fix, lambda: _put_back(project))


def leftovers(project: Project) -> Finding:
    """Look for half-made snapshots, shards and outputs that killed processes left beside ``data/``."""
    name = "leftovers"
    beside = ((path, _HALF_MADE.fullmatch(path.name)) for path in sorted(project.root.iterdir()))
    found = [path for path, named in beside if named is not None and not psutil.pid_exists(int(named["process"]))]
    found += left_behind(project.root)
    if not found:
        return ok(name, "none")
    listed = ", ".join(path.name for path in found)
    return Finding(name, "warn", f"killed processes left {listed}", "delete them", lambda: _delete(*found))


def _is_being_replaced(project: Project) -> bool:
    with locked(project, str(project.data), wait=False) as free:
        return not free


def _put_back(project: Project) -> str:
    from hourglass.data.replacing import put_back

    with locked(project, str(project.data)):
        put_back(project.data)
    return "the snapshot from before the replacement is in data/ again"


def _runs(program: str) -> bool:
    return any(process.info["name"] == program for process in psutil.process_iter(["name"]))


def _delete(*paths: Path) -> str:
    delete(*paths)
    return f"deleted {', '.join(path.name for path in paths)}"
