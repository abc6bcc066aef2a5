"""Rows cut into parts that are judged one after the other, and stay in the processor's cache meanwhile."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from .graphs import BLOCK

#: Bytes of float64 in a part, at most, unless that is less than a block. What a table takes by the column is worth more
#: rows at once.
BYTES, _BYTES_OF_TABLE = 2**20, 2**22


def parts(rows: Any, numbers: int, first_row: int) -> Iterable[tuple[Any, int]]:
    """Cut a table or an array where the graphs' blocks begin.

    Parameters
    ----------
    rows : DataFrame, ndarray or anything else
        Of a memory map only the present part is read. What is neither a table nor an array is one part.
    numbers : int
        That a row has in the net.
    first_row : int
        Absolute number of the first row.

    Returns
    -------
    iterable of (rows, int)
        Parts, each of at least one block, and the absolute number of their first rows.
    """
    if not isinstance(rows, (pd.DataFrame, np.ndarray)) or rows.ndim == 0 or not len(rows):
        return [(rows, first_row)]
    most = _BYTES_OF_TABLE if isinstance(rows, pd.DataFrame) else BYTES
    size = BLOCK << max(0, (most // (8 * BLOCK * numbers)).bit_length() - 1)  # large blocks begin where parts do
    place = first_row % size
    if place + len(rows) <= size:
        return [(rows, first_row)]
    starts = [0, *range(size - place, len(rows), size)]
    return ((rows[start:stop], first_row + start) for start, stop in pairwise([*starts, len(rows)]))
