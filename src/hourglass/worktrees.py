"""Checkouts of their own for runs that nobody watches: no hand edits them, and they share the state and DVC's cache."""

import itertools
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hourglass.errors import HourglassError
from hourglass.git import commit_of, git, has_repository
from hourglass.locks import locked
from hourglass.project import Project

#: What a copy of a workspace without git leaves out, below its top: data, results, shared state, environments.
_NOT_COPIED = {"data", "work", "reports", "mlruns", "dvc_plots", ".hourglass", ".venv", ".git"}
#: The same anywhere.
_NEVER_COPIED = ("__pycache__", ".*_cache", ".ipynb_checkpoints", "*.egg-info", ".data*")
_OF_DVC = {"cache", "tmp", "config.local"}

#: How long the children of a killed holder may take to end.
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.1


@contextmanager
def worktree(project: Project, commit: str = "HEAD") -> Iterator[Project]:
    """Give a commit of a project a checkout of its own, which is removed at the end.

    It is a detached git worktree below the shared state; without git, a copy of the workspace without data and
    results. What a killed process left is removed by the next call.

    Parameters
    ----------
    project : Project
    commit : str
        Any revision; without git only ``HEAD``, which is the workspace as it is.

    Yields
    ------
    Project
        The checkout, with the same `home`, DVC cache and remotes as the main checkout.

    Raises
    ------
    HourglassError
        There is no such commit, the project isn't in it, or git isn't installed.
    """
    repository = has_repository(project.root)
    with _place(project) as place:
        try:
            root = _check_out(project, place, commit) if repository else _copy(project, place, commit)
            apart = Project(root, project.home)
            _share_dvc(project, apart, no_scm=not repository)
            yield apart
        finally:
            _remove(project, place)


@contextmanager
def _place(project: Project) -> Iterator[Path]:
    """Hold a folder's lock; folders are used again, so that neither locks nor DVC's indexes pile up."""
    folder = project.state / "worktrees"
    for left in folder.glob("*"):
        with locked(project, str(left), wait=False) as free:
            if free:
                _remove(project, left)
    with ExitStack() as held:
        places = (folder / str(number) for number in itertools.count(1))
        place = next(one for one in places if held.enter_context(locked(project, str(one), wait=False)))
        _remove(project, place)
        place.parent.mkdir(parents=True, exist_ok=True)
        yield place


def _check_out(project: Project, place: Path, commit: str) -> Path:
    git(project.root, "worktree", "add", "--quiet", "--detach", str(place), commit_of(project.root, commit))
    root = place / git(project.root, "rev-parse", "--show-prefix")
    if not (root / "params.yaml").is_file():
        raise HourglassError(f"{project.root} is not in the commit {commit}; add it to git and commit.")
    return root


def _copy(project: Project, place: Path, commit: str) -> Path:
    if commit != "HEAD":
        raise HourglassError(f"{project.root} is in no git repository, so there is no commit {commit} to go back to.")

    def left_out(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(project.root)
        named = {Path(): _NOT_COPIED, Path(".dvc"): _OF_DVC}.get(inside, set())
        return shutil.ignore_patterns(*_NEVER_COPIED)(folder, names) | (named & set(names))

    shutil.copytree(project.root, place, symlinks=True, ignore=left_out)
    return place


def _share_dvc(project: Project, apart: Project, *, no_scm: bool) -> None:
    """Give a checkout the cache and the remotes of the main one, whose paths may be relative to it."""
    from dvc.config import Config, merge

    main = (project.home if (project.home / ".dvc").is_dir() else project.root) / ".dvc"
    settings = Config(dvc_dir=str(main), validate=False)
    with Config(dvc_dir=str(apart.root / ".dvc"), validate=False).edit("local") as local:
        merge(local, settings.load_one("repo"))
        merge(local, settings.load_one("local"))
        local["cache"]["dir"] = str(settings["cache"].get("dir") or main / "cache")
        local["core"]["site_cache_dir"] = str(apart.root / ".dvc" / "tmp" / "site")
        if no_scm:
            local["core"]["no_scm"] = True
    (apart.root / ".dvc" / "config.local").chmod(0o600)  # it may hold passwords


def _remove(project: Project, place: Path) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while place.exists():
        try:
            shutil.rmtree(place)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE_SECONDS)
    if has_repository(project.root) and f"worktree {place}\n" in git(project.root, "worktree", "list", "--porcelain"):
        git(project.root, "worktree", "remove", "--force", "--force", str(place))
