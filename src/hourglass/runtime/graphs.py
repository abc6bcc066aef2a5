"""ONNX graphs, run so that a row's result doesn't depend on which rows come with it."""

from collections.abc import Sequence
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

#: Rows per call. The last bits of a result depend on the size of the batch and the row's place in it, so every call
#: has this size, padded if need be, and a row's place follows from its absolute number. Other sizes are used where
#: they give the same bits.
BLOCK = 256


class Graph:
    """One ONNX graph; the first dimension of every input and output is the batch.

    Parameters
    ----------
    path : Path
    sizes : sequence of int
        Rows per call beside `BLOCK`, powers of 2: smaller ones for few rows, a larger one for many. Used are those that
        give the same bytes on this machine.
    """

    def __init__(self, path: Path, sizes: Sequence[int] = ()) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._inputs = [given.name for given in self._session.get_inputs()]
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.sizes = self.agreeing(sizes, *self._noise(max((BLOCK, *sizes))), first=4) if sizes else ()
        smallest = min(self.sizes, default=BLOCK)
        self._few = _Few(self._session, self._noise(smallest)) if smallest < BLOCK else None

    def run(
        self, *inputs: NDArray[Any], first_row: int = 0, outputs: Sequence[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Run the graph on all rows.

        Parameters
        ----------
        *inputs : ndarray of shape (rows, ...)
            As many as the graph has, in its order and types.
        first_row : int
            The absolute number of the first row, where the inputs are a part of something larger.
        outputs : sequence of str, optional
            Those that are wanted; by default all.

        Returns
        -------
        dict of str to ndarray
            The outputs by name, with one entry per row.
        """
        names = self.outputs if outputs is None else outputs
        rows = len(inputs[0])
        if self._few is not None and 0 < rows <= self._few.size - first_row % self._few.size:
            return self._few.run(names, inputs, first_row % self._few.size)
        found = [self._call(names, inputs, *call) for call in calls(rows, first_row, self.sizes)]
        return {name: np.concatenate(parts) for name, *parts in zip(names, *found, strict=True)}

    def agreeing(self, sizes: Sequence[int], *inputs: NDArray[Any], first: int | None = None) -> tuple[int, ...]:
        """Give those sizes of a call, in ascending order, that give the bytes which calls of `BLOCK` rows do.

        Parameters
        ----------
        sizes : sequence of int
        *inputs : ndarray of shape (rows, ...)
            As of `run`; the rows are a multiple of `BLOCK` and of all sizes.
        first : int, optional
            So many calls from the first row on are tried, and the last; by default all, so that every place is.
        """
        usual = self._bytes(inputs, BLOCK, range(0, len(inputs[0]), BLOCK))
        return tuple(size for size in sorted(sizes) if self._agrees(usual, inputs, size, first))

    def _agrees(self, usual: list[bytes], inputs: Sequence[NDArray[Any]], size: int, first: int | None) -> bool:
        rows = len(inputs[0])
        starts = list(range(0, rows, size))
        for start in starts if first is None else [*starts[:first], starts[-1]]:
            found = self._bytes(inputs, size, [start])
            for one, all_rows in zip(found, usual, strict=True):
                of_row = len(all_rows) // rows
                if one != all_rows[start * of_row : (start + size) * of_row]:
                    return False
        return True

    def _bytes(self, inputs: Sequence[NDArray[Any]], size: int, starts: Sequence[int]) -> list[bytes]:
        """Give the bytes of each output, found by calls of so many rows."""
        found = [self._call(self.outputs, inputs, start, start + size, 0, size) for start in starts]
        return [np.concatenate(parts).tobytes() for parts in zip(*found, strict=True)]

    def _noise(self, rows: int) -> list[NDArray[np.float32]]:
        """Make rows of white noise, every bit of which counts in a sum."""
        draw = np.random.Generator(np.random.Philox(0))
        return [draw.standard_normal((rows, *given.shape[1:]), np.float32) for given in self._session.get_inputs()]

    def _call(
        self, names: Sequence[str], inputs: Sequence[NDArray[Any]], start: int, stop: int, place: int, size: int
    ) -> list[NDArray[Any]]:
        """Run on rows start to stop, the first at that place among so many; others are 0."""
        if stop - start == size:
            given = {name: x[start:stop] for name, x in zip(self._inputs, inputs, strict=True)}
            whole: list[NDArray[Any]] = self._session.run(names, given)
            return whole
        rows = slice(place, place + stop - start)
        given = {}
        for name, x in zip(self._inputs, inputs, strict=True):
            given[name] = np.zeros((size, *x.shape[1:]), x.dtype)
            given[name][rows] = x[start:stop]
        return [output[rows] for output in self._session.run(names, given)]


class Graphs(dict[str, Graph]):
    """The graphs of a package by name; each is opened when it's first asked for.

    Parameters
    ----------
    folder : Path
    sizes : sequence of int
        Rows per call of ``reconstruct``, which scores, beside `BLOCK`; see `Graph`.
    """

    def __init__(self, folder: Path, sizes: Sequence[int]) -> None:
        super().__init__()
        self._folder, self._sizes = folder, sizes

    def __missing__(self, name: str) -> Graph:
        graph = self[name] = Graph(self._folder / f"{name}.onnx", self._sizes if name == "reconstruct" else ())
        return graph


class _Few(local):
    """Calls of few rows, which read and write the same memory each time; every thread has its own.

    Parameters
    ----------
    session : InferenceSession
    examples : list of ndarray
        Inputs of one call.
    """

    def __init__(self, session: Any, examples: list[NDArray[Any]]) -> None:
        self.size = len(examples[0])
        self._session = session
        names, outputs = [[value.name for value in values] for values in (session.get_inputs(), session.get_outputs())]
        self._given = [np.zeros_like(x) for x in examples]
        found = session.run(outputs, dict(zip(names, examples, strict=True)))
        self._found = {name: np.empty_like(values) for name, values in zip(outputs, found, strict=True)}
        self._binding = session.io_binding()
        for name, x in zip(names, self._given, strict=True):
            self._binding.bind_input(name, "cpu", 0, x.dtype, x.shape, x.ctypes.data)
        for name, x in self._found.items():
            self._binding.bind_output(name, "cpu", 0, x.dtype, x.shape, x.ctypes.data)

    def run(self, names: Sequence[str], inputs: Sequence[NDArray[Any]], place: int) -> dict[str, NDArray[Any]]:
        """Run on rows, the first at that place; others are 0."""
        rows = slice(place, place + len(inputs[0]))
        for whole, x in zip(self._given, inputs, strict=True):
            whole[:] = 0
            whole[rows] = x
        self._session.run_with_iobinding(self._binding)
        return {name: self._found[name][rows].copy() for name in names}


def calls(rows: int, first_row: int, sizes: Sequence[int] = ()) -> list[tuple[int, int, int, int]]:
    """Cut rows where blocks begin, into (start, stop, place of the first in its block, rows of the block).

    The last rows go into the smallest block that holds them, others into the largest if they fill it. Where there are
    none, there is one empty block.
    """
    cuts: list[tuple[int, int, int, int]] = []
    start = 0
    while start < rows or not cuts:
        size = _size(first_row + start, rows - start, sizes)
        place = (first_row + start) % size
        stop = min(start + size - place, rows)
        cuts.append((start, stop, place, size))
        start = max(stop, 1)
    return cuts


def _size(number: int, left: int, sizes: Sequence[int]) -> int:
    for size in sizes:
        if size < BLOCK and number % size + left <= size:
            return size
    bulk = max((BLOCK, *sizes))
    return bulk if left >= bulk and number % bulk == 0 else BLOCK
