"""Progress of long work: a bar on a terminal, plain lines elsewhere; alarms above them."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hourglass.models.shared.alarms import WORDS

_SECONDS_BETWEEN_LINES = 5.0


class EpochProgress:
    """Shows epochs as they end; call it with the record of each.

    Parameters
    ----------
    title : str
        What is trained.
    epochs : int
        How many there are at most.
    """

    def __init__(self, title: str, epochs: int) -> None:
        self._title, self._epochs = title, epochs
        self._show: Callable[[dict[str, Any]], None] = self._line
        self._bar: Progress | None = None
        self._last_line = 0.0
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[terms]}"), console=Console())
            task = self._bar.add_task(self._title, total=self._epochs, terms="")
            bar = self._bar
            self._show = lambda record: bar.update(task, completed=record["epoch"], terms=_terms(record))
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, record: dict[str, Any]) -> None:
        """Show an epoch, and each of its alarms if it is the first of its kind."""
        self._show(record)
        for alarm in record["alarms"]:
            if alarm not in self._told:
                print(f"{self._title}: epoch {record['epoch']}: {WORDS[alarm]}", file=sys.stderr, flush=True)  # noqa: T201
                self._told.add(alarm)

    def _line(self, record: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            print(f"{self._title}: epoch {record['epoch']}/{self._epochs}, {_terms(record)}", flush=True)  # noqa: T201
            self._last_line = now


def _terms(record: dict[str, Any]) -> str:
    return "validation " + ", ".join(f"{name} {value:.4g}" for name, value in record["validation"].items())
