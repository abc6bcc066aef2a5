"""Locks that the kernel releases when their holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

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
    path = project.state / "locks" / f"{digest(name)[:32]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                yield False
                return
            stream.seek(0)
            print(f"waiting for process {stream.read() or 'unknown'}, which holds {name}", flush=True)  # noqa: T201
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield True
