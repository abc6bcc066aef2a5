"""ONNX graphs, run so that a row's result doesn't depend on which rows come with it."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

#: Rows per call. The last bits of a result depend on the size of the batch and the row's place in it, so every call
#: has this size, padded if need be, and a row's place follows from its absolute number.
BLOCK = 256


class Graph:
    """One ONNX graph with one input whose first dimension is the batch."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, x: NDArray[np.float32], *, first_row: int = 0) -> dict[str, NDArray[np.float32]]:
        """Run the graph on all rows.

        Parameters
        ----------
        x : ndarray of shape (rows, *shape)
        first_row : int
            The absolute number of the first row, where `x` is a part of something larger.

        Returns
        -------
        dict of str to ndarray
            Every output by name, with one entry per row.
        """
        parts = [self._block(x[start:stop], place) for start, stop, place in _blocks(len(x), first_row)]
        return {name: np.concatenate([part[number] for part in parts]) for number, name in enumerate(self.outputs)}

    def _block(self, x: NDArray[np.float32], place: int) -> list[NDArray[np.float32]]:
        padded = np.zeros((BLOCK, *x.shape[1:]), np.float32)
        padded[place : place + len(x)] = x
        outputs = self._session.run(self.outputs, {self._input: padded})
        return [output[place : place + len(x)] for output in outputs]


def _blocks(rows: int, first_row: int) -> list[tuple[int, int, int]]:
    """Cut rows into (start, stop, place of the first in its block); one empty block where there are none."""
    cuts: list[tuple[int, int, int]] = []
    start = 0
    while start < rows or not cuts:
        place = (first_row + start) % BLOCK
        stop = min(start + BLOCK - place, rows)
        cuts.append((start, stop, place))
        start = max(stop, 1)
    return cuts
