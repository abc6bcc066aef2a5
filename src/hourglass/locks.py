"""Locks that the kernel releases when their holder ends, however it ends."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hourglass.files import digest
from hourglass.project import Project


@contextmanager
def locked(project: Project, name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of the shared state.

    Parameters
    ----------
    project : Project
    name : str
        What is locked.
    wait : bool
        Whether to wait for another holder.

    Yields
    ------
    bool
        Whether it is held; False only where another holds it and `wait` is off.
    """
    path = _folder(project) / f"{digest(name)[:32]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a+") as stream:
            if not _flock(stream, name if wait else None):
                yield False
                return
            if not _is(stream, path):
                continue  # the holder before removed it meanwhile
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)
            return


@contextmanager
def locked_on_machine(name: str) -> Iterator[bool]:
    """Hold a lock that all projects and users of this machine share, unless another holds it.

    Its file lies in the temporary folder and stays: only the user who made it may remove it there.

    Parameters
    ----------
    name : str
        What is locked.

    Yields
    ------
    bool
        Whether it is held.
    """
    path = Path(tempfile.gettempdir()) / f"hourglass-{digest(name)[:32]}.lock"
    with suppress(FileExistsError):
        path.touch(exist_ok=False)
        path.chmod(0o444)  # whatever the umask
    with path.open() as stream:  # to read is enough for a lock, and all that other users may
        yield _flock(stream, None)


def collect(project: Project) -> None:
    """Remove the files of locks whose holders were killed."""
    for path in _folder(project).glob("*.lock"):
        with path.open("a+") as stream:
            if _flock(stream, None) and _is(stream, path):
                path.unlink()


def _folder(project: Project) -> Path:
    return project.state / "locks"


def _flock(stream: IO[str], waiting_for: str | None) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting_for is None:
            return False
        stream.seek(0)
        print(f"waiting for process {stream.read() or 'unknown'}, which holds {waiting_for}", flush=True)  # noqa: T201
        fcntl.flock(stream, fcntl.LOCK_EX)
    return True


def _is(stream: IO[str], path: Path) -> bool:
    """Tell whether a path still names the open file."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
