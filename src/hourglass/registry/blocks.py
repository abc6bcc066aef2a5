"""Which sizes of a call the runtime may take beside the usual one, because a row's result is the same in them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from hourglass.runtime.graphs import Graph
from hourglass.runtime.parts import BYTES

_ROW, _SOME, _MANY = 4, 32, 1024
#: To try sizes takes long for a net with convolutions, so that it gets the one that single rows gain most by.
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
    graph = Graph(path, _worthwhile(path, rows[0]))
    # repeated, or the first of them: so many fill every size
    return list(graph.agreeing(graph.sizes, *(np.resize(x, (_MANY, *x.shape[1:])) for x in rows)))


def _worthwhile(path: Path, rows: NDArray[Any]) -> list[int]:
    if _CONVOLUTIONS & {node.op_type for node in onnx.load(path).graph.node}:
        return [_ROW]
    is_part = 8 * _MANY * rows[0].size <= BYTES  # otherwise so many rows don't come at once
    return [_ROW, _SOME, *([_MANY] if is_part else [])]
