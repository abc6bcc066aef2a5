"""Tables and lines on a terminal, plain where they are piped."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

from hourglass.files import canonical_json

#: Lines wrap here where there is no terminal whose width counts.
_PIPED_WIDTH = 140


def show(*blocks: RenderableType) -> None:
    """Print blocks with a line between them."""
    to = _console()
    for place, block in enumerate(blocks):
        if place:
            to.print()
        to.print(block)


def note(line: str) -> None:
    """Print a line about work in progress, apart from its result."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def show_json(facts: dict[str, Any]) -> None:
    """Print a result for programs."""
    print(canonical_json(facts), end="")  # noqa: T201


def _console() -> Console:
    """Make a console that takes text literally, brackets included."""
    found = Console(markup=False, highlight=False, emoji=False)
    return found if found.is_terminal else Console(markup=False, highlight=False, emoji=False, width=_PIPED_WIDTH)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> Table:
    """Lay out rows; columns named in `numbers` stand to the right."""
    found = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    for name in columns:
        found.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        found.add_row(*row)
    return found


def facts(title: str, rows: Iterable[Sequence[str]]) -> Table:
    """Lay out names with their values."""
    found = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    found.add_column(style="dim", no_wrap=True)
    found.add_column(overflow="fold")
    for row in rows:
        found.add_row(*row)
    return found
