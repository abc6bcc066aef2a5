"""What the workers of a session make once for all of them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def first(path: Path) -> Iterator[bool]:
    """Tell one worker that it comes first; the others wait until it has made `path`."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not path.exists()
