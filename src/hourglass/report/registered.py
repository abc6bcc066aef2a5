"""The registered versions as a table."""

from rich.console import Console
from rich.table import Table

from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import versions


def show(project: Project, params: Params) -> None:
    """Print the versions of the registered name, newest first, with their aliases and what the gate said."""
    console = Console(width=None if Console().is_terminal else 200)
    listed = versions.listing(project, params.registry.name)
    if not listed:
        console.print(f"nothing is registered as {params.registry.name}; run `hourglass run`", markup=False)
        return
    table = Table(title=f"models:/{params.registry.name}", title_justify="left")
    for heading in ("version", "alias", "variant", "on selection", "registered (UTC)", "gate"):
        table.add_column(heading)
    for entry in listed:
        version = entry["version"]
        table.add_row(
            str(version.number),
            ", ".join(entry["aliases"]),
            version.variant,
            f"{version.metric} {version.value:.4f}",
            f"{version.created:%Y-%m-%d %H:%M}",
            entry["verdict"],
        )
    console.print(table)
