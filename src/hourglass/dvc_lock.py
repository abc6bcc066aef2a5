"""``dvc.lock``, which DVC writes in place: read while that happens, and mended where it is damaged."""

import re
import time
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hourglass.errors import HourglassError
from hourglass.files import write_text
from hourglass.git import git, has_repository
from hourglass.project import Project

#: How long another DVC may take to write the file.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.1


class DamagedLockError(HourglassError):
    """``dvc.lock`` can't be read, or not all of it is there."""


def entries(project: Project) -> dict[str, Any]:
    """Read ``dvc.lock``: stage to what it depended on and made.

    Raises
    ------
    DamagedLockError
        The file is damaged.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _parsed(project.lock_file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as broken:
            if time.monotonic() > end:  # until then DVC may just be writing it
                raise DamagedLockError(
                    "dvc.lock is damaged; `hourglass run` mends it. Or restore it with `git checkout -- dvc.lock`, or "
                    "delete it and run `dvc repro`: finished work comes back from DVC's run cache."
                ) from broken
        time.sleep(PAUSE_SECONDS)


def mend(project: Project) -> str | None:
    """Put a damaged ``dvc.lock`` aside and start from that of git's last commit, or from none.

    What is missing there comes back from DVC's run cache when the stages are run.

    Returns
    -------
    str or None
        What was done; None where nothing had to be.
    """
    try:
        entries(project)
        damaged = False
    except DamagedLockError:
        project.lock_file.replace(project.lock_file.with_suffix(".lock.damaged"))
        damaged = True
    if project.lock_file.exists():
        return None
    committed = _committed_lock(project)
    if committed is not None:
        write_text(project.lock_file, committed)
    elif not damaged:
        return None
    was = "damaged and is now dvc.lock.damaged" if damaged else "missing"
    return f"dvc.lock was {was}; starting from {'the last commit' if committed else 'none'} and DVC's run cache"


def _committed_lock(project: Project) -> str | None:
    try:
        if not has_repository(project.root):
            return None
        text = git(project.root, "show", f"HEAD:./{project.lock_file.name}") + "\n"
        _parsed(text.encode())
    except (HourglassError, ValueError):
        return None
    return text


#: What DVC writes of each file; with the line's end, the sign that nothing is cut off.
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


@lru_cache(maxsize=2)
def _parsed(content: bytes) -> dict[str, Any]:
    """Parse the lock, which takes 0.1 s and which a run asks for ten times.

    Raises
    ------
    ValueError
        It isn't whole.
    """
    try:
        found = YAML(typ="safe").load(content.decode())
    except (YAMLError, ValueError) as broken:
        raise ValueError("no YAML") from broken
    stages = found.get("stages") if isinstance(found, dict) else None
    if not (isinstance(stages, dict) and content.endswith(b"\n") and all(map(_is_whole, stages.values()))):
        raise ValueError("cut off")
    return stages


def _is_whole(stage: Any) -> bool:
    if not (isinstance(stage, dict) and isinstance(stage.get("cmd"), str) and isinstance(stage.get("outs", []), list)):
        return False
    return all(
        isinstance(file, dict)
        and _MD5.fullmatch(str(file.get("md5")))
        and "size" in file
        and ("nfiles" in file) == str(file["md5"]).endswith(".dir")
        for file in [*(stage.get("deps") or []), *stage.get("outs", [])]
    )
