"""The branch ``hourglass/data``: new data advances on it while people work on other branches.

Its commits differ from where it started in ``data.dvc`` alone. It only ever moves forward.
"""

from hourglass.errors import HourglassError
from hourglass.git import commit_index, commit_of, git
from hourglass.project import Project

BRANCH = "hourglass/data"
DATA_FILE = "data.dvc"


def tip(project: Project) -> str | None:
    """Give the branch's newest commit: in a clone without the branch, that of the repository it came from."""
    found = git(
        project.root, "for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}"
    )
    return found.splitlines()[0] if found else None


def newest(project: Project, head: str) -> str:
    """Give the commit whose ``data.dvc`` goes with a commit's code and settings.

    It is the branch's newest, unless the data was changed on the way to `head` after the branch was last merged: then
    it is the commit that changed it.

    Raises
    ------
    HourglassError
        The data moved on both.
    """
    branch = tip(project)
    last = git(project.root, "log", "-1", "--format=%H", head, "--", DATA_FILE)
    if not last:
        raise HourglassError(f"{DATA_FILE} is not in the commit {head[:10]}; add it to git and commit.")
    if branch is None:
        return last
    base = git(project.root, "merge-base", branch, head)
    theirs, ours, before = (_data_at(project, commit) for commit in (branch, head, base))
    if theirs in (ours, before):
        return last
    if ours == before:
        return branch
    raise HourglassError(
        f"{DATA_FILE} changed both on {BRANCH} and on the way to {head[:10]}; merge the branch (`git merge {BRANCH}`), "
        f"or go on without its data (`git branch --force {BRANCH} HEAD`)."
    )


def take(apart: Project, commit: str) -> None:
    """Put the ``data.dvc`` of a commit into a worktree."""
    git(apart.root, "checkout", "--quiet", commit, "--", DATA_FILE)


def advance(project: Project, apart: Project, message: str) -> str:
    """Commit the ``data.dvc`` of a worktree on the branch, and nothing else of that worktree.

    Returns
    -------
    str
        The new commit.

    Raises
    ------
    HourglassError
        Somebody has the branch checked out, or moved it meanwhile.
    """
    _require_free(project)
    before = git(project.root, "for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}")
    start = newest(project, commit_of(apart.root, "HEAD"))
    git(apart.root, "read-tree", start)
    git(apart.root, "add", "--", DATA_FILE)
    commit = commit_index(apart.root, (tip(project) or start, start), message)
    git(project.root, "update-ref", "-m", message, f"refs/heads/{BRANCH}", commit, before)
    return commit


def require_start(project: Project) -> None:
    """Refuse to begin the branch while the user is about to change the data.

    Raises
    ------
    HourglassError
        There is no branch yet, and the checkout's ``data.dvc`` isn't committed.
    """
    if tip(project) is None and git(project.root, "status", "--porcelain", "--", DATA_FILE):
        raise HourglassError(
            f"{DATA_FILE} is not committed; commit it together with params.yaml, then add to that data."
        )


def _require_free(project: Project) -> None:
    """Refuse to move the branch under a checkout of it."""
    for entry in git(project.root, "worktree", "list", "--porcelain").split("\n\n"):
        if f"branch refs/heads/{BRANCH}" in entry.splitlines():
            where = entry.splitlines()[0].removeprefix("worktree ")
            raise HourglassError(f"{where} has {BRANCH} checked out; switch to another branch there.")


def _data_at(project: Project, commit: str) -> str:
    return git(project.root, "ls-tree", commit, "--", DATA_FILE)
