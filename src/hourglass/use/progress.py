"""How far work on rows has come, on a terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def counted(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar and a count while the block runs; give what is told the count.

    Parameters
    ----------
    title : str
        What is counted.
    total : int, optional
        Where it will end; without it the bar says only that work goes on.
    """
    console = Console(stderr=True)
    known = () if total is None else (TaskProgressColumn(), TimeRemainingColumn())
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} " + title), *known, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda rows: progress.update(task, completed=rows)
