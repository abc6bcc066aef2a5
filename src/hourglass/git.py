"""Git, asked through its command."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hourglass.errors import HourglassError

#: Set by git for its hooks; they would send our questions to the wrong repository.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Hourglass"), ("EMAIL", "hourglass@localhost"))
}


def has_repository(folder: Path) -> bool:
    """Tell whether a folder lies in a git repository.

    Raises
    ------
    HourglassError
        It does, and git isn't installed.
    """
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return False
    if shutil.which("git") is None:
        raise HourglassError(f"{folder} is in a git repository, but the command git isn't there; install git.")
    return True


def git(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a command of git in a folder, without the user's hooks, and give what it printed.

    Raises
    ------
    HourglassError
        It failed; the message is what git said.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS} | (env or {})
    done = subprocess.run(  # noqa: S603
        ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],  # noqa: S607
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or "it said nothing"
        raise HourglassError(f"git {arguments[0]} failed in {folder}: {said}")
    return done.stdout.strip()


def commit_of(folder: Path, revision: str) -> str:
    """Give the full hash of the commit that a revision names.

    Raises
    ------
    HourglassError
        It names none.
    """
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except HourglassError as unknown:
        raise HourglassError(f"the git repository of {folder} has no commit {revision!r}.") from unknown


def commit_index(folder: Path, parents: Sequence[str], message: str, *, dated: bool = True) -> str:
    """Commit what a folder's index holds; no branch moves.

    Parameters
    ----------
    folder : Path
    parents : sequence of str
        Full hashes; one that another includes is left out.
    message : str
    dated : bool
        Whether the commit's date is now; otherwise it is that of its newest parent, so that the same content on the
        same parents is the same commit.

    Returns
    -------
    str
        The commit; the parent itself where it is the only one and nothing changed.
    """
    tree = git(folder, "write-tree")
    needed = git(folder, "merge-base", "--independent", *parents).splitlines()
    if len(needed) == 1 and git(folder, "rev-parse", f"{needed[0]}^{{tree}}") == tree:
        return needed[0]
    flags = [flag for parent in dict.fromkeys(parents) if parent in needed for flag in ("-p", parent)]
    env = _AUTHOR
    if not dated:
        newest = max(git(folder, "show", "--no-patch", "--format=%ct", *needed).split(), key=int)
        env = env | {"GIT_AUTHOR_DATE": f"@{newest} +0000", "GIT_COMMITTER_DATE": f"@{newest} +0000"}
    return git(folder, "commit-tree", tree, *flags, "-m", message, env=env)
