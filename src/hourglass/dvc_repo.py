"""DVC's repository: asked in this process, and its commands run as children."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from hourglass import children, dvc_lock
from hourglass.errors import HourglassError
from hourglass.project import Project

Answer = TypeVar("Answer")


def ask(project: Project, question: Callable[[Any], Answer]) -> Answer:
    """Ask DVC's repository, and again for a while where another DVC is in the way: it writes dvc.lock in place."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    _work_without_git(project)
    end = time.monotonic() + dvc_lock.PATIENCE_SECONDS
    while True:
        try:
            with Repo(str(project.root), _wait_for_lock=True) as repo:
                return question(repo)
        except DvcException as problem:
            in_the_way = isinstance(problem, LockError) or project.lock_file.name in str(problem)
            if not in_the_way or time.monotonic() > end:
                raise HourglassError(f"DVC can't read the pipeline: {problem}") from problem
        time.sleep(dvc_lock.PAUSE_SECONDS)


def run(
    project: Project,
    arguments: list[str],
    on_line: Callable[[str], object] = lambda line: None,  # noqa: ARG005
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a command of DVC as a child process, with variables of its own, and give the lines that it printed.

    See `pipeline.reproduce` for the rest.
    """
    _work_without_git(project)
    return children.run(project, "dvc", arguments, on_line, env)


def _work_without_git(project: Project) -> None:
    """Tell DVC, in its local settings, where there is no git (an unpacked archive, a copied folder)."""
    if (project.root / ".dvc").is_dir() and not any((folder / ".git").exists() for folder in _upwards(project.root)):
        from dvc.config import Config

        config = Config(dvc_dir=str(project.root / ".dvc"), validate=False)
        if not config["core"].get("no_scm"):
            with config.edit("local") as local:
                local.setdefault("core", {})["no_scm"] = True


def _upwards(folder: Path) -> tuple[Path, ...]:
    return (folder, *folder.parents)
