"""The registered versions and the history of their aliases, as tables or JSON."""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import history, versions
from hourglass.registry.history import Move
from hourglass.registry.standing import Listed


def show(project: Project, params: Params) -> None:
    """Print the versions with what the gate said of them, and the moves of the aliases; newest first."""
    console = Console(width=None if Console().is_terminal else 200)
    name = params.registry.name
    listed, moves = versions.listing(project, name), history.moves(project, name)
    if not listed:
        console.print(f"nothing is registered as {name}; run `hourglass run`", markup=False)
        return
    console.print(_versions(name, listed))
    if moves:
        console.print(_moves(moves))


def show_json(project: Project, params: Params) -> None:
    """Print the same as JSON."""
    name = params.registry.name
    content = {
        "name": name,
        "versions": [_content(entry) for entry in versions.listing(project, name)],
        "moves": [move.content() for move in reversed(history.moves(project, name))],
    }
    print(json.dumps(content, indent=2))  # noqa: T201


def _versions(name: str, listed: list[Listed]) -> Table:
    table = Table(title=f"models:/{name}", title_justify="left")
    for heading in ("version", "alias", "variant", "on selection", "registered (UTC)", "gate"):
        table.add_column(heading)
    for entry in listed:
        version = entry.version
        table.add_row(
            str(entry.number),
            ", ".join(entry.aliases),
            version.variant if version else "",
            f"{version.metric} {version.value:.4f}" if version else "",
            f"{entry.created:%Y-%m-%d %H:%M}",
            escape(entry.verdict) if version else "registered by others",
        )
    return table


def _moves(moves: list[Move]) -> Table:
    table = Table(title="moves of the aliases", title_justify="left")
    for heading in ("moved (UTC)", "alias", "from", "to", "by", "why"):
        table.add_column(heading)
    for move in reversed(moves):
        before, after = ("" if number is None else str(number) for number in (move.before, move.after))
        table.add_row(f"{move.time:%Y-%m-%d %H:%M}", move.alias, before, after, move.by, escape(move.reason))
    return table


def _content(entry: Listed) -> dict[str, Any]:
    version = entry.version
    found: dict[str, Any] = {
        "version": entry.number,
        "registered": entry.created.isoformat(),
        "aliases": list(entry.aliases),
        "verdict": entry.verdict,
    }
    if version is not None:
        found |= {
            "variant": version.variant,
            "metric": version.metric,
            "value": version.value,
            "passed": version.passed,
        }
    return found
