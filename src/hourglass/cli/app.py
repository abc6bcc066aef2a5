"""The application that commands are registered with, and what they share."""

import os
import sys
from typing import Any

import typer

from hourglass.project import Project

app = typer.Typer(
    help="Train, evaluate, register and refresh autoencoders.\n\n"
    "`hourglass data SOURCE` takes your data, `hourglass run` does all the rest, and reports/index.html shows what came"
    " of it. Settings are in params.yaml. A command's own --help says more.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
JSON = typer.Option("--json", help="print JSON, for programs")


def load_project() -> tuple[Project, Any]:
    """Find the project that we stand in, and read its settings."""
    from hourglass import params

    project = Project.find()
    return project, params.load(project.params_file)


def run_flow(name: str, *arguments: str) -> None:
    """Run a flow of the project that we stand in."""
    from importlib import import_module

    project, _ = load_project()
    os.chdir(project.root)  # Prefect takes its settings, when it is imported, from pyproject.toml where it stands
    sys.path.insert(0, str(project.root))
    import_module(f"flows.{name}").main(*arguments)
