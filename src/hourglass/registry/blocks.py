"""Which sizes of a call the runtime may take beside the usual one, because a row's result is the same in them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from hourglass.runtime.graphs import Graph

#: A row, some rows, and many.
_SIZES = (4, 32, 1024)
#: In blocks larger than the usual one they take more memory and no less time, and to try them takes long.
_CONVOLUTIONS = {"Conv", "ConvTranspose"}


def sizes(path: Path, *rows: NDArray[Any]) -> list[int]:
    """Find the sizes that give the bytes of the usual one, for rows at every place and for noise.

    Parameters
    ----------
    path : Path
        The graph.
    *rows : ndarray of shape (rows, ...)
        Its inputs; there is at least one row.
    """
    if _CONVOLUTIONS & {node.op_type for node in onnx.load(path).graph.node}:
        return []
    count = -(-len(rows[0]) // max(_SIZES)) * max(_SIZES)  # repeated, so that all sizes divide them
    whole = [np.resize(x, (count, *x.shape[1:])) for x in rows]
    graph = Graph(path, _SIZES)
    return [size for size in graph.sizes if graph.agrees(size, *whole)]
