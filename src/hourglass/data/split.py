"""Which split a row belongs to."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.params import SPLITS, SplitParams
from hourglass.runtime.schema import as_numbers, as_text

#: Splits whose rows a model or a threshold is fitted on: normal rows only.
_NORMAL_ONLY = 3


def assign(
    raw: Raw, hashes: NDArray[np.uint64], is_anomaly: NDArray[np.bool_], params: SplitParams
) -> NDArray[np.int8]:
    """Give every row the position of its split in `SPLITS`.

    Normal rows are divided by the rule and its shares. Anomalies that it would put into train, validation or
    calibration go to selection or test instead, by their hash.

    Parameters
    ----------
    raw : Raw
    hashes : ndarray of shape (rows,)
        As `row_hashes` gives them: equal rows have equal hashes, so duplicates never straddle a hash split.
    is_anomaly : ndarray of shape (rows,)
    params : SplitParams

    Raises
    ------
    HourglassError
        The column of the rule is missing or holds what the rule can't use.
    """
    edges = np.cumsum(params.shares)[:-1]
    rule = {"hash": _by_hash, "group": _by_group, "time": _by_time, "given": _by_given}[params.by]
    splits = rule(raw, hashes, edges, params)
    misplaced = is_anomaly & (splits < _NORMAL_ONLY)
    share = params.selection / (params.selection + params.test)
    low_bits = (hashes & np.uint64(0xFFFFFFFF)) / 2**32
    splits[misplaced] = np.where(low_bits[misplaced] < share, SPLITS.index("selection"), SPLITS.index("test"))
    return splits


def row_hashes(rows: Any, salt: int) -> NDArray[np.uint64]:
    """Hash the values of every row (BLAKE2b); equal rows have equal hashes on every machine.

    Of arrays that holds where their types are equal too; of tables whatever the types, for new data may change a
    column's.

    Parameters
    ----------
    rows : DataFrame or ndarray
    salt : int
        Another number gives other hashes.
    """
    matrix = _frame_matrix(rows) if isinstance(rows, pd.DataFrame) else rows.reshape(len(rows), -1)
    if matrix.dtype.kind == "f":
        matrix = matrix + matrix.dtype.type(0)  # one zero
    table = np.ascontiguousarray(matrix)
    key = str(salt).encode()
    width = table.shape[1] * table.itemsize
    content = memoryview(table.tobytes())
    digests = b"".join(
        hashlib.blake2b(content[start : start + width], digest_size=8, key=key).digest()
        for start in range(0, len(table) * width, width)
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _frame_matrix(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """Write every cell as 64 bits: what reads as a number as float64, anything else as the hash of its text."""
    columns = []
    for name in frame.columns:
        column = frame[name]
        numbers = as_numbers(column) + 0.0  # one zero
        cells = np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)
        text = np.isnan(numbers) & column.notna().to_numpy()
        cells[text] = pd.util.hash_array(as_text(column[text]).to_numpy(object), categorize=True)
        columns.append(cells)
    return np.stack(columns, axis=1)


def _by_hash(raw: Raw, hashes: NDArray[np.uint64], edges: NDArray[np.float64], params: SplitParams) -> NDArray[np.int8]:
    return _cut(hashes / 2.0**64, edges)


def _by_group(
    raw: Raw, hashes: NDArray[np.uint64], edges: NDArray[np.float64], params: SplitParams
) -> NDArray[np.int8]:
    groups = raw.column(str(params.column), "split.column").to_frame()
    return _cut(row_hashes(groups, params.salt) / 2.0**64, edges)


def _by_time(raw: Raw, hashes: NDArray[np.uint64], edges: NDArray[np.float64], params: SplitParams) -> NDArray[np.int8]:
    column = raw.column(str(params.column), "split.column")
    times = column if pd.api.types.is_numeric_dtype(column) else pd.to_datetime(column, errors="coerce", utc=True)
    unread = np.flatnonzero(times.isna())
    if len(unread):
        raise HourglassError(
            f"column {params.column!r}, row {unread[0]}: {column.iloc[unread[0]]!r} is no time; split.by: time "
            "needs one in every row."
        )
    ranks = times.rank(method="min").to_numpy() - 1  # equal times share a rank, and so a split
    return _cut(ranks / len(ranks), edges)


def _by_given(
    raw: Raw, hashes: NDArray[np.uint64], edges: NDArray[np.float64], params: SplitParams
) -> NDArray[np.int8]:
    column = as_text(raw.column(str(params.column), "split.column"))
    positions = pd.Index(SPLITS).get_indexer(pd.Index(column))
    unknown = np.flatnonzero(positions < 0)
    if len(unknown):
        raise HourglassError(
            f"column {params.column!r}, row {unknown[0]}: {column.iloc[unknown[0]]!r} is no split; expected one of "
            f"{', '.join(SPLITS)}."
        )
    return positions.astype(np.int8)


def _cut(places: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int8]:
    return np.searchsorted(edges, places, side="right").astype(np.int8)
