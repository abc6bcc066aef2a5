"""Rows that repeat another, counted by their hashes in bounded memory."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.part import TRACE, Part

#: Bytes per row that a count takes, with sorting, and rows that are read at once.
_BYTES, _ROWS = 8 * TRACE.itemsize, 2**18


def duplicates(parts: Sequence[Part], memory: int) -> dict[str, int]:
    """Count rows that repeat another, and values that stand in more than one split or in both classes.

    Parameters
    ----------
    parts : sequence of Part
    memory : int
        Bytes; where the hashes of all rows don't fit, they are counted by ranges of their values.
    """
    rows = sum(one.facts["rows"] for one in parts)
    ranges = max(1, ceil(rows * _BYTES / (memory / 2)))
    counts = {"rows": 0, "straddling_splits": 0, "normal_and_anomalous": 0}
    for number in range(ranges):
        traces = list(_traces(parts, number, ranges))
        for name, count in _count(np.concatenate(traces)).items():
            counts[name] += count
    return counts


def _traces(parts: Sequence[Part], number: int, ranges: int) -> Iterator[NDArray[np.void]]:
    """Read what is kept of the rows whose hashes lie in one of so many ranges."""
    width = 2**64 // ranges + 1
    low, high = number * width, min((number + 1) * width, 2**64) - 1
    for one in parts:
        for start in range(0, one.facts["rows"], _ROWS):
            trace = one.trace(start, min(_ROWS, one.facts["rows"] - start))
            yield trace if ranges == 1 else trace[(trace["hash"] >= low) & (trace["hash"] <= high)]


def _count(trace: NDArray[np.void]) -> dict[str, int]:
    ranked = np.sort(trace["hash"])
    repeated = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    if not len(repeated):  # as nearly always, which sorting the hashes alone tells soonest
        return {}
    trace = trace[np.isin(trace["hash"], repeated)]
    trace = trace[trace["hash"].argsort()]
    starts = trace["hash"].searchsorted(repeated)

    def mixed(values: NDArray[Any]) -> int:
        return int((np.minimum.reduceat(values, starts) != np.maximum.reduceat(values, starts)).sum())

    return {
        "rows": len(trace) - len(repeated),
        "straddling_splits": mixed(trace["split"]),
        "normal_and_anomalous": mixed(trace["anomaly"].astype(np.int8)),
    }
