"""``hourglass verify``: hash everything that has a recorded hash, and name the files that differ.

Nothing is taken from a cache of hashes: DVC's own keeps them by the time of a file's last change, which a flipped bit
doesn't move.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hourglass.locks import locked
from hourglass.project import Project
from hourglass.report.terminal import note, show, show_json, table
from hourglass.upkeep import dvc_objects, registered, unpublished, workspace
from hourglass.upkeep.finding import told
from hourglass.upkeep.hashed import Hashed
from hourglass.upkeep.mend import mend

_PARTS: dict[str, Callable[[Project], Iterator[Hashed]]] = {
    "workspace": workspace.check,
    "DVC cache": dvc_objects.check,
    "registry": registered.check,
    "work in progress": unpublished.check,
}
_MEGA = 1e6


@dataclass(frozen=True)
class Part:
    """What was found in one place.

    Parameters
    ----------
    name : str
    files : tuple of Hashed
    unread : str
        Why the place couldn't be looked through; empty if it was.
    """

    name: str
    files: tuple[Hashed, ...]
    unread: str = ""

    @property
    def damaged(self) -> tuple[Hashed, ...]:
        """Give the files that differ from what was recorded."""
        return tuple(file for file in self.files if file.problem)

    @property
    def sound(self) -> bool:
        """Tell whether everything could be read and is as recorded."""
        return not (self.unread or self.damaged)

    def facts(self) -> dict[str, Any]:
        """Describe it for programs."""
        here = [file for file in self.files if not file.absent]
        return {
            "files": len(here),
            "bytes": sum(file.size for file in here),
            "absent": [file.name for file in self.files if file.absent],
            "damaged": [{key: asdict(file)[key] for key in ("name", "problem", "fix")} for file in self.damaged],
            "unread": self.unread,
        }


def verify(project: Project) -> list[Part]:
    """Hash everything, showing on a terminal how far it has come.

    Parameters
    ----------
    project : Project

    Returns
    -------
    list of Part
        Workspace, DVC cache, registry and work in progress.
    """
    columns = SpinnerColumn(), TextColumn("{task.description}: {task.completed} files"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        parts = []
        for name, check in _PARTS.items():
            task = progress.add_task(name, total=None)
            parts.append(_checked(name, check(project), partial(progress.advance, task)))
        return parts


def _checked(name: str, files: Iterator[Hashed], advance: Callable[[], None]) -> Part:
    found = []
    try:
        for file in files:
            found.append(file)
            advance()
    except Exception as unread:  # damage shows as anything, and the other places are still to be read
        return Part(name, tuple(found), told(unread))
    return Part(name, tuple(found))


def mend_damage(project: Project) -> None:
    """Mend what is safe to mend, and say what was done (to standard error).

    While the retrain flow runs nothing is judged: what it has just published isn't in ``dvc.lock`` yet.
    """
    with locked(project, "the retrain flow"):
        for line in mend(project, {part.name: part.damaged for part in verify(project)}):
            note(line)


def report(parts: list[Part], *, as_json: bool) -> int:
    """Print what was found; give the exit status, 1 where something is damaged or couldn't be read."""
    if as_json:
        show_json({part.name: part.facts() for part in parts})
    else:
        _print(parts)
    return 0 if all(part.sound for part in parts) else 1


def _print(parts: list[Part]) -> None:
    """Print a table of the parts, then each damaged file with what to do."""
    rows = []
    for part in parts:
        facts = part.facts()
        damaged = "not read" if part.unread else str(len(part.damaged))
        rows.append(
            (part.name, str(facts["files"]), f"{facts['bytes'] / _MEGA:.1f}", str(len(facts["absent"])), damaged)
        )
    columns = ("part", "files", "MB", "not here", "damaged")
    unread = [f"{part.name}: {part.unread}" for part in parts if part.unread]
    damage = [f"{file.name} {file.problem}.\n  To mend it: {file.fix}." for part in parts for file in part.damaged]
    show(table("Hashes", columns, rows, numbers=columns[1:]), *unread, *damage)
