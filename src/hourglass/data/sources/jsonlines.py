"""JSON lines: an object a row."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hourglass.data.sources.compression import opened
from hourglass.errors import HourglassError

#: Rows of the first block; how many the next ones have follows from what it takes.
_FIRST = 1000
_MOST = 100_000


def columns(path: Path) -> tuple[str, ...]:
    """Name all keys of all rows, in the order that they appear in.

    Raises
    ------
    HourglassError
        A row is no JSON object.
    """
    found: dict[str, None] = {}
    for row in _rows(path):
        found |= dict.fromkeys(row)
    return tuple(found)


def frames(path: Path, names: Sequence[str], limit: int) -> Iterator[pd.DataFrame]:
    """Read a file in blocks of at most about `limit` bytes; what a row doesn't have is missing.

    Raises
    ------
    HourglassError
        A row is no JSON object.
    """
    rows, count = _rows(path), _FIRST
    while part := list(islice(rows, count)):
        frame = pd.DataFrame.from_records(part, columns=list(names))
        for name in frame.columns[frame.dtypes == np.float64]:
            values = [row.get(name) for row in part]
            if None in values and all(map(_is_whole, values)):
                frame[name] = pd.array(values, dtype="Int64")  # as in a block where none is missing
        yield frame
        per_row = max(1, int(frame.memory_usage(deep=True).sum()) // len(frame))
        count = min(_MOST, max(1, limit // (4 * per_row)))  # as objects of Python they take a few times as much


def _is_whole(value: Any) -> bool:
    return value is None or (type(value) is int and -(2**63) <= value < 2**63)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with opened(path) as stream:
        for line, text in enumerate(stream, 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as wrong:
                raise HourglassError(
                    f'{path}, line {line}: no JSON ({wrong}); expected an object a line, such as {{"a": 1}}.'
                ) from wrong
            if not isinstance(row, dict):
                raise HourglassError(
                    f'{path}, line {line}: a {type(row).__name__}; expected an object a line, such as {{"a": 1}}.'
                )
            yield row
