"""ONNX graphs, run so that a row's result doesn't depend on which rows come with it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

#: Rows per call. The last bits of a result depend on the size of the batch and the row's place in it, so every call
#: has this size, padded if need be, and a row's place follows from its absolute number.
BLOCK = 256


class Graph:
    """One ONNX graph; the first dimension of every input and output is the batch."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._inputs = [given.name for given in self._session.get_inputs()]
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, *inputs: NDArray[Any], first_row: int = 0) -> dict[str, NDArray[Any]]:
        """Run the graph on all rows.

        Parameters
        ----------
        *inputs : ndarray of shape (rows, ...)
            As many as the graph has, in its order and types.
        first_row : int
            The absolute number of the first row, where the inputs are a part of something larger.

        Returns
        -------
        dict of str to ndarray
            Every output by name, with one entry per row.
        """
        blocks = _blocks(len(inputs[0]), first_row)
        parts = [self._block([x[start:stop] for x in inputs], place) for start, stop, place in blocks]
        return {name: np.concatenate([part[number] for part in parts]) for number, name in enumerate(self.outputs)}

    def _block(self, inputs: list[NDArray[Any]], place: int) -> list[NDArray[Any]]:
        rows = slice(place, place + len(inputs[0]))
        padded = [np.zeros((BLOCK, *x.shape[1:]), x.dtype) for x in inputs]
        for whole, x in zip(padded, inputs, strict=True):
            whole[rows] = x
        outputs = self._session.run(self.outputs, dict(zip(self._inputs, padded, strict=True)))
        return [output[rows] for output in outputs]


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
