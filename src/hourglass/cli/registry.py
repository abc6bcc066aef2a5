"""The commands about runs, versions and the report."""

import sys
from typing import Annotated, Any

import typer

from hourglass.children import ERROR_PREFIX
from hourglass.cli.app import JSON, app, load_project
from hourglass.errors import HourglassError
from hourglass.project import Project

_PANEL = "Registry"
_URI_ARGUMENT = typer.Argument(help="models:/NAME/3 or models:/NAME@champion")


@app.command(rich_help_panel=_PANEL)
def track() -> None:
    """Complete the MLflow runs: after `dvc repro`, a restore from DVC's cache, or an outage of MLflow."""
    from hourglass.registry import ledger

    for variant, run_id in ledger.track(*load_project()).items():
        print(f"{variant}: run {run_id} is complete")  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def register() -> None:
    """Register the best variant's package, unless it is registered already."""
    version = _register(*load_project())
    print(f"{version.uri} ({version.variant}, {version.metric} {version.value:.4f} on selection)")  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def promote(
    number: Annotated[int | None, typer.Argument(help="a version; by default that of the present best variant")] = None,
) -> None:
    """Hold a version against the champion on selection; make it champion if the gate opens.

    The gate: the same settings must be no worse by registry.margin, others must be better, with registry.confidence.
    """
    from hourglass.registry import promotion, versions

    project, params = load_project()
    name = params.registry.name
    version = _register(project, params) if number is None else versions.find(project, name, number)
    print(promotion.promote(project, params, version).sentence)  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def rollback(
    reason: Annotated[str, typer.Option(help="why; kept in the history")] = "",
) -> None:
    """Make the previous champion champion again; what it replaces comes back only by `hourglass promote N`."""
    from hourglass.registry import promotion

    project, params = load_project()
    print(promotion.rollback(project, params.registry.name, reason))  # noqa: T201


@app.command(name="models", rich_help_panel=_PANEL)
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
    card: Annotated[
        str | None, typer.Option(help="print the model card of a version instead: 3, @champion or models:/NAME/3")
    ] = None,
) -> None:
    """List the registered versions and every move of their aliases, newest first."""
    from hourglass.registry import addresses, cards
    from hourglass.report import registered

    project, params = load_project()
    if card is not None:
        print(cards.read(project, addresses.completed(params.registry.name, card)), end="")  # noqa: T201
        return
    (registered.show_json if as_json else registered.show)(project, params)


@app.command(rich_help_panel=_PANEL)
def lineage(uri: Annotated[str, _URI_ARGUMENT], as_json: Annotated[bool, JSON] = False) -> None:
    """Show what a version was made from, back to its shards, and where its aliases moved."""
    from hourglass.registry.lineage import Lineage
    from hourglass.report.lineage import show

    show(Lineage.of(Project.find(), uri), as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def reproduce(uri: Annotated[str, _URI_ARGUMENT], as_json: Annotated[bool, JSON] = False) -> None:
    """Build a version again from its commit, settings and data, and say whether it is the same."""
    from hourglass.registry import reproduction
    from hourglass.report import terminal

    found = reproduction.reproduce(Project.find(), uri, terminal.note)
    if as_json:
        terminal.show_json(found.facts())
    else:
        terminal.show(found.verdict)
    sys.exit(0 if found.match else 1)


@app.command(rich_help_panel=_PANEL)
def report() -> None:
    """Render reports/index.html, and the explorer beside it, from the last results and the registry."""
    from hourglass.registry import ledger
    from hourglass.report.render import render

    project, params = load_project()
    try:
        standing = ledger.standing(project, params)
    except HourglassError as unreachable:
        print(f"{ERROR_PREFIX}{unreachable} The report is rendered without the registry.", file=sys.stderr)  # noqa: T201
        standing = None
    print(render(project, params, standing))  # noqa: T201


def _register(project: Project, params: Any) -> Any:
    from hourglass.registry import ledger

    registered = ledger.register(project, params)
    if registered is None:
        raise HourglassError("no variant passed its guards (see work/compare/leaderboard.json); nothing is registered.")
    return registered[0]
