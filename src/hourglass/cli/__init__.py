"""The command ``hourglass``: a module for each panel of its help."""

import errno
import os
import sys
from importlib import import_module
from pathlib import Path

from hourglass.children import ERROR_PREFIX
from hourglass.cli.app import app
from hourglass.errors import HourglassError
from hourglass.project import Project

__all__ = ["app", "main"]

#: The modules that register commands, in the order that help shows them.
_PANELS = ("data", "pipeline", "registry", "models", "upkeep")
#: What a disk refuses, and what can be done about it.
_DISK_ERRORS = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EROFS), "make room or make it writable")
_DISK_ERRORS |= dict.fromkeys((errno.EACCES, errno.EPERM), "allow it to this user, or name another")
_DISK_ERRORS |= {errno.ENOTDIR: "a file stands where a folder should; name another"}

for panel in _PANELS:
    import_module(f"{__name__}.{panel}")


def main() -> None:
    """Run the command line; a mistake of the user ends it with one sentence and exit status 1."""
    _run_the_projects_own_code()
    try:
        app(standalone_mode=True)
    except Exception as problem:
        sentence = _sentence(problem)
        if sentence is None:
            raise
        print(f"{ERROR_PREFIX}{sentence}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _sentence(problem: Exception) -> str | None:
    """Tell a problem that the user can mend; None where it is a defect of ours."""
    if isinstance(problem, OSError) and problem.errno in _DISK_ERRORS:
        return f"{problem}; {_DISK_ERRORS[problem.errno]}, and run this again."
    runtime = sys.modules.get("hourglass.runtime.errors")  # not imported: it brings pandas and onnxruntime along
    known = (HourglassError, runtime.InputError) if runtime else HourglassError
    return str(problem) if isinstance(problem, known) else None


def _run_the_projects_own_code() -> None:
    """Start again with the code of the checkout that we stand in, where that is another than the installed one.

    DVC tracks the code of the checkout (a worktree, a temporary experiment), so that code must be what runs.
    """
    try:
        source = (Project.find().root / "src").resolve()
    except HourglassError:
        return
    here = Path(__file__).resolve().parents[2]
    if (source / "hourglass").is_dir() and source != here:
        path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
        os.execve(sys.executable, [sys.executable, "-m", "hourglass", *sys.argv[1:]], os.environ | {"PYTHONPATH": path})  # noqa: S606
