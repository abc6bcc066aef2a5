"""Progress of long work: a bar on a terminal, plain lines elsewhere; alarms above them."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0
#: The remedies of Bowman et al. 2016 (warm-up), Fu et al. 2019 (cycles) and Kingma et al. 2016 (free bits).
COLLAPSED = (
    "the posterior collapsed: no latent unit is active, so codes say nothing of their rows; give the variant "
    "free_bits, lower its beta, lengthen train.kl_warmup, or let the weight rise in train.kl_cycles"
)


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
        self._alarmed = False

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
        """Show an epoch, and once that the posterior collapsed."""
        self._show(record)
        collapsed = record["code"].get("active_units") == 0 and record["kl_weight"] == 1
        if collapsed and not self._alarmed:
            print(f"{self._title}: epoch {record['epoch']}: {COLLAPSED}", file=sys.stderr, flush=True)  # noqa: T201
            self._alarmed = True

    def _line(self, record: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            print(f"{self._title}: epoch {record['epoch']}/{self._epochs}, {_terms(record)}", flush=True)  # noqa: T201
            self._last_line = now


def _terms(record: dict[str, Any]) -> str:
    return "validation " + ", ".join(f"{name} {value:.4g}" for name, value in record["validation"].items())
