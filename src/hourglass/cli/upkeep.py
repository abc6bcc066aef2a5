"""The commands that keep a project sound."""

import sys
from typing import Annotated

import typer

from hourglass.cli.app import JSON, app
from hourglass.project import Project

_PANEL = "Upkeep"


@app.command(rich_help_panel=_PANEL)
def verify(
    fix: Annotated[bool, typer.Option("--fix", help="move damaged files aside and bring back sound ones")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Hash the workspace, DVC's cache, the registry and checkpoints; name the files that differ."""
    from hourglass.upkeep import verify as upkeep

    project = Project.find()
    if fix:
        upkeep.mend_damage(project)
    sys.exit(upkeep.report(upkeep.verify(project), as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="mend what is safe to mend, and say what was done")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Look for what keeps the project from working: versions, GPU, stores, schedules, leftovers."""
    from hourglass.upkeep import doctor as upkeep

    sys.exit(upkeep.report(upkeep.examine(Project.find(), fix=fix), as_json=as_json))
