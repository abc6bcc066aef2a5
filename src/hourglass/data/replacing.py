"""One snapshot in the place of another: the old one comes back unless all went well."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(folder: Path, new: Path) -> Iterator[None]:
    """Put a new snapshot in the place of the old one; the old one comes back if the block fails or is killed."""
    put_back(folder)
    old = _old(folder)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        put_back(folder)
        raise
    if old.exists():  # under another name first: what lies under this one comes back as a whole
        old.rename(new)
        shutil.rmtree(new)


def put_back(folder: Path) -> None:
    """Undo a replacement that was killed in the middle."""
    old = _old(folder)
    if old.exists():
        shutil.rmtree(folder, ignore_errors=True)
        old.rename(folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
