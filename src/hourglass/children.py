"""Python modules run as child processes that end with this one, and why one failed."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from hourglass.errors import HourglassError
from hourglass.process import child_command
from hourglass.project import Project

#: What the command line puts before a message for people.
ERROR_PREFIX = "hourglass: "
#: What DVC tells a person who types its commands.
_HINTS = ("To track the changes", "git add", "To enable auto staging", "dvc config core.autostage", "Use `dvc push`")


class CommandInterruptedError(HourglassError):
    """A command ended without a reason of its own: killed, or a lock or the network was in the way."""


def run(
    project: Project,
    module: str,
    arguments: list[str],
    on_line: Callable[[str], object],
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a Python module in the project's root as a child that ends with this process; see `dvc_repo.run`."""
    said = []
    with subprocess.Popen(  # noqa: S603
        child_command(module, *arguments),
        cwd=project.root,
        env=environment() | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None  # noqa: S101
        try:
            for line in map(str.strip, child.stdout):
                said.append(line)
                if line and not line.startswith(_HINTS):
                    on_line(line)
        except BaseException:
            child.terminate()
            raise
    if child.returncode != 0:
        raise _failure(said, f"{module} {' '.join(arguments)}")
    return said


def environment() -> dict[str, str]:
    """Give children this environment's commands, whether or not it is activated."""
    commands = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([commands, os.environ.get("PATH", "")]), "DVC_NO_ANALYTICS": "1"}


def _failure(said: list[str], command: str) -> HourglassError:
    """Find in what a command printed why it failed."""
    own = [line.removeprefix(ERROR_PREFIX) for line in said if line.startswith(ERROR_PREFIX)]
    if own:
        return HourglassError(own[-1])
    lines = [line for line in said if line]
    dvc = next((line for line in reversed(lines) if line.startswith("ERROR:")), "")
    if re.search(r"exited with (?!137|143)[1-9]", dvc):
        reason = next((line for line in reversed(lines) if not line.startswith("ERROR:")), "it printed nothing")
        return HourglassError(f"{dvc.removeprefix('ERROR: ')}: {reason}")
    return CommandInterruptedError(dvc or (lines or [f"{command} printed nothing"])[-1])
