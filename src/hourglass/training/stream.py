"""Rows that are too many for the memory, read from disk in every pass."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.training.source import Resident, Source

#: Share of the memory that a split may take: as a whole, or by its two windows.
SHARE = 1 / 3
#: Blocks that are mixed in a window.
BLOCKS = 16
#: Bytes of float64 that are normalised at once, so that they stay in the processor's caches.
_PIECE = 2**20


class Stretch(Protocol):
    """Consecutive rows as they lie on disk: arrays with one entry per row."""

    @property
    def x(self) -> NDArray[Any]:
        """Rows in the data's own units."""
        ...

    @property
    def label(self) -> NDArray[np.int64]:
        """As in `Batch`, and so are the others."""
        ...

    @property
    def index(self) -> NDArray[np.int64]:
        """Row numbers in the raw snapshot."""
        ...

    @property
    def condition(self) -> NDArray[np.float32]:
        """What is known of each row beside it."""
        ...


@dataclass(frozen=True)
class OnDisk:
    """Rows of a split on disk.

    Parameters
    ----------
    rows : int
        How many there are.
    shape : tuple of int
        Of a row.
    known : int
        Numbers that are known of each row beside it.
    read : callable
        Reads the rows from a first up to a last one.
    normalise : callable
        Brings rows (float64, on the device) into the nets' units.
    device : device
    """

    rows: int
    shape: tuple[int, ...]
    known: int
    read: Callable[[int, int], Stretch]
    normalise: Callable[[Tensor], Tensor]
    device: torch.device

    @property
    def row_bytes(self) -> int:
        """Bytes that a row takes on the device: float32, and two numbers of int64."""
        return 4 * (prod(self.shape) + self.known) + 2 * 8

    def room(self, rows: int) -> Batch:
        """Make room for rows on the device."""
        x = torch.empty((rows, *self.shape), device=self.device)
        condition = torch.empty((rows, self.known), device=self.device) if self.known else None
        label, index = torch.empty((2, rows), dtype=torch.int64, device=self.device)
        return Batch(x=x, condition=condition, target=x, label=label, index=index)

    def load(self, spans: Sequence[range], room: Batch) -> Batch:
        """Read stretches of rows into a room, one after the other, and normalise them there; give what they fill."""
        place = 0
        for start, stop in self._pieces(spans):
            piece, here = self.read(start, stop), slice(place, place := place + stop - start)
            room.x[here] = self.normalise(self._on_device(piece.x).to(torch.float64))
            room.label[here] = self._on_device(piece.label)
            room.index[here] = self._on_device(piece.index)
            if room.condition is not None:
                room.condition[here] = self._on_device(piece.condition)
        return room.first(place)

    def _pieces(self, spans: Sequence[range]) -> Iterator[tuple[int, int]]:
        rows = max(1, _PIECE // (8 * prod(self.shape)))
        for span in spans:
            for start in span[::rows]:
                yield start, min(start + rows, span.stop)

    def _on_device(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)


class Streamed(Source):
    """Rows that are read from disk in every pass, the next window by a thread while the present one is used.

    In a shuffled pass blocks are drawn at random, several make a window, and the rows of a window are mixed: every row
    comes once, and rows that are further apart on disk than a window meet by the draw of the blocks alone. Where one
    window holds all rows, batches are those of `Resident`.

    Parameters
    ----------
    rows : OnDisk
    block : int
        Rows of a block.
    """

    def __init__(self, rows: OnDisk, block: int) -> None:
        super().__init__(rows.device, rows.shape)
        self._rows = rows
        self._blocks = [range(start, min(start + block, rows.rows)) for start in range(0, rows.rows, block)]

    def __len__(self) -> int:
        return self._rows.rows

    def _windows(self, generator: torch.Generator | None) -> Iterator[Batch]:
        order = list(range(len(self._blocks)))
        if generator is not None and len(order) > BLOCKS:
            order = torch.randperm(len(order), generator=generator).tolist()
        blocks = [self._blocks[place] for place in order]
        windows = [blocks[start : start + BLOCKS] for start in range(0, len(blocks), BLOCKS)]
        rooms = [self._rows.room(min(BLOCKS * len(self._blocks[0]), len(self))) for _ in windows[:2]]
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._rows.load, windows[0], rooms[0])
            for number, following in enumerate(windows[1:], start=1):
                window = coming.result()
                # into the room of the window before this one, of which no batch is asked for any more
                coming = reader.submit(self._rows.load, following, rooms[number % 2])
                yield window
            yield coming.result()


def opened(rows: OnDisk, memory: int) -> Source:
    """Load rows that take at most a third of `memory` (bytes, of the device); stream others through so much of it."""
    share = int(SHARE * memory)
    if rows.rows * rows.row_bytes <= share:
        return Resident(rows.load([range(rows.rows)], rows.room(rows.rows)))
    return Streamed(rows, max(1, share // (2 * BLOCKS * rows.row_bytes)))
