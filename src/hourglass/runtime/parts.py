"""Rows cut into parts that are judged one after the other, so that memory doesn't grow with their number."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .graphs import BLOCK

#: Bytes of float64 in a part, about.
_BYTES = 2**24


def parts(rows: Any, numbers: int, first_row: int) -> Iterator[tuple[Any, int]]:
    """Cut a table or an array where the graphs' blocks begin.

    Parameters
    ----------
    rows : DataFrame, ndarray or anything else
        Of a memory map only the present part is read. What is neither a table nor an array is one part.
    numbers : int
        That a row has in the net.
    first_row : int
        Absolute number of the first row.

    Yields
    ------
    part
        Of at least one block.
    int
        Absolute number of its first row.
    """
    if not isinstance(rows, pd.DataFrame | np.ndarray) or rows.ndim == 0 or not len(rows):
        yield rows, first_row
        return
    size = BLOCK * max(1, _BYTES // (8 * BLOCK * numbers))
    start = 0
    while start < len(rows):
        stop = start + size - (first_row + start) % BLOCK
        yield rows[start:stop], first_row + start
        start = stop
