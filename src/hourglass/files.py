"""Files that are whole or absent, and the same bytes for the same content."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hourglass.errors import HourglassError

#: Threads that hash; each waits for its file or computes without the interpreter's lock.
_HASHED_AT_ONCE = 4
#: What `whole` builds is called so until it is whole; files that are put together to it may have more in their names.
_BUILT = re.compile(r"\.(?P<name>.+)\.hourglass\.(?P<process>\d{1,9})(\.\w+)?")


def canonical_json(content: Any) -> str:
    """Render as JSON with sorted keys, so that equal content gives equal bytes."""
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Name a place beside `path` for a file or folder; it moves to `path` when the block ends well, else it goes."""
    temporary = path.with_name(f".{path.name}.hourglass.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def left_behind(folder: Path, name: str | None = None) -> list[Path]:
    """List what killed processes left in a folder of what `whole` builds there; of all names, or of one."""
    found = []
    for path in sorted(folder.iterdir()):
        built = _BUILT.fullmatch(path.name)
        if built and name in (None, built["name"]) and not _runs(int(built["process"])):
            found.append(path)
    return found


def delete(*paths: Path) -> None:
    """Delete files and folders."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def linked(source: Path | str, target: Path | str) -> None:
    """Put a file in a second place: by a hard link, or where the file system has none as a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_text(path: Path, text: str) -> None:
    """Write a text file that is never seen half-written."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write canonical JSON that is never seen half-written."""
    write_text(path, canonical_json(content))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    HourglassError
        The file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise HourglassError(f"{path} is missing; run `hourglass run` (or `dvc repro`) to make it.") from missing
    except (json.JSONDecodeError, UnicodeDecodeError) as broken:
        raise HourglassError(f"{path} is not valid JSON ({broken}); delete it and run `dvc repro`.") from broken


def digest(content: Any) -> str:
    """Hash JSON-able content (sha256, hexadecimal)."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Hash a file (sha256, hexadecimal)."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_hashes(folder: Path) -> dict[str, str]:
    """Hash every file below a folder: relative POSIX path to sha256, sorted by path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    files.sort(key=lambda path: path.stat().st_size, reverse=True)  # so that the last ones take no long time
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as pool:
        found = zip(files, pool.map(sha256_of, files), strict=True)
        return {path.relative_to(folder).as_posix(): sha256 for path, sha256 in sorted(found)}
