"""Where the loop's rows come from."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch

#: Bytes of rows that are gathered at once: what a CPU's caches hold; many batches on a GPU, which each call costs time.
_GATHERED = {"cpu": 2**18, "cuda": 2**26}


class Source(ABC):
    """Rows, normalised, that come in windows of consecutive or of random blocks; nobody sees where a window ends.

    Parameters
    ----------
    device : device
        Of the batches.
    shape : tuple of int
        Of a row.
    """

    def __init__(self, device: torch.device, shape: tuple[int, ...]) -> None:
        self.device = device
        self.shape = shape

    @abstractmethod
    def __len__(self) -> int:
        """Count the rows."""

    @abstractmethod
    def _windows(self, generator: torch.Generator | None) -> Iterator[Batch]:
        """Yield all rows once; with a generator, in windows of blocks drawn at random.

        A window may be overwritten as soon as the next is asked for.
        """

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Yield all rows once, in a random order, in batches of `size` (the last may be smaller).

        A batch may be overwritten as soon as the next is asked for.
        """

        def order(rows: int) -> Tensor:
            return torch.randperm(rows, generator=generator).to(self.device)

        return _cut(self._windows(generator), size, order)

    def in_order(self, size: int) -> Iterator[Batch]:
        """Yield all rows once, as they stand, in batches of `size` (the last may be smaller).

        A batch may be overwritten as soon as the next is asked for.
        """

        def order(rows: int) -> Tensor:
            return torch.arange(rows, device=self.device)

        return _cut(self._windows(None), size, order)


class Resident(Source):
    """Rows that lie in the device's memory: one window."""

    def __init__(self, rows: Batch) -> None:
        super().__init__(rows.x.device, tuple(rows.x.shape[1:]))
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def _windows(self, generator: torch.Generator | None) -> Iterator[Batch]:
        yield self._rows


def as_source(rows: Batch | Source) -> Source:
    """Take rows that lie in memory for what they are."""
    return Resident(rows) if isinstance(rows, Batch) else rows


def _cut(windows: Iterator[Batch], size: int, order: Callable[[int], Tensor]) -> Iterator[Batch]:
    """Order the rows of each window and cut them into batches; what is left of one begins the next batch."""
    rest: Batch | None = None
    for window in windows:
        which = order(len(window))
        if rest is not None:
            missing = size - len(rest)
            rest = rest.joined(window.rows(which[:missing]))
            which = which[missing:]
            if len(rest) == size:
                yield rest
                rest = None
        whole = len(which) - len(which) % size
        if whole:
            yield from _gathered(window, which[:whole], size)
        if whole < len(which):
            rest = window.rows(which[whole:])
    if rest is not None:
        yield rest


def _gathered(window: Batch, which: Tensor, size: int) -> Iterator[Batch]:
    """Take rows in batches of `size`, several at once where they are small; always into the same memory."""
    several = size * max(1, _GATHERED[window.x.device.type] // (size * window.x[:1].nbytes))
    room = window.empty(min(several, len(which)))
    for chunk in which.split(several):
        yield from window.rows(chunk, room).parts(size)
