"""Which split a row belongs to."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import SPLITS, SplitParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime.cuts import END
from hourglass.runtime.schema import as_numbers, as_text, matrix_of

#: Splits whose rows a model or a threshold is fitted on: normal rows only.
_NORMAL_ONLY = 3
#: Windows that are in no split, and why.
CROSSES, EARLY = -1, -2
_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FINALISER = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_MIXED_AT_ONCE = 2**15


@dataclass(frozen=True)
class Rule:
    """How rows are divided, settled for a whole snapshot, so that it holds block by block.

    Parameters
    ----------
    params : SplitParams
    times : ndarray or None
        Of ``by: time``, the first time of each split but the first.
    """

    params: SplitParams
    times: NDArray[Any] | None = None

    @classmethod
    def of(cls, blocks: Iterable[Raw], params: SplitParams) -> Self:
        """Settle what depends on all rows: where a split by time begins. Other rules read no row.

        Raises
        ------
        HourglassError
            The column of the rule is missing, or holds what is no time.
        """
        if params.by != "time":
            return cls(params)
        columns, first_row = [], 0
        for block in blocks:
            columns.append(_times(block, str(params.column), first_row))
            first_row += len(block.side)
        return cls(params, _starts(np.sort(np.concatenate(columns)), np.cumsum(params.shares)[:-1]))

    def assign(
        self, raw: Raw, hashes: NDArray[np.uint64], is_anomaly: NDArray[np.bool_], first_row: int = 0
    ) -> NDArray[np.int8]:
        """Give every row of a block the position of its split in `SPLITS`.

        Normal rows are divided by the rule and its shares. Anomalies that it would put into train, validation or
        calibration go to selection or test instead, by their hash. Windows that are divided by time stay in theirs: one
        that lies in two splits is in none, `CROSSES`, and so is an anomaly that selection and test are too late for,
        `EARLY`.

        Parameters
        ----------
        raw : Raw
        hashes : ndarray of shape (rows,)
            As `row_hashes` gives them: equal rows have equal hashes, so duplicates never straddle a hash split.
        is_anomaly : ndarray of shape (rows,)
        first_row : int
            Number of the block's first row, for messages.

        Raises
        ------
        HourglassError
            The column of the rule is missing or holds what the rule can't use.
        """
        params = self.params
        rule = {"hash": _by_hash, "group": _by_group, "time": self._by_time, "given": _by_given}[params.by]
        splits = rule(raw, hashes, params, first_row)
        if self.times is not None and raw.kind == "signal":
            return self._of_windows(raw, splits, is_anomaly, first_row)
        misplaced = is_anomaly & (splits < _NORMAL_ONLY)
        share = params.selection / (params.selection + params.test)
        low_bits = (hashes & np.uint64(0xFFFFFFFF)) / 2**32
        splits[misplaced] = np.where(low_bits[misplaced] < share, SPLITS.index("selection"), SPLITS.index("test"))
        return splits

    def _of_windows(
        self, raw: Raw, splits: NDArray[np.int8], is_anomaly: NDArray[np.bool_], first_row: int
    ) -> NDArray[np.int8]:
        """Leave out what would let a split see another; a window overlaps those before and after it."""
        assert self.times is not None  # noqa: S101
        start, end = (_times(raw, column, first_row) for column in (str(self.params.column), END))
        splits = np.where(is_anomaly & (splits < _NORMAL_ONLY), EARLY, splits)
        return np.where(crossing(start, end, self.times), CROSSES, splits).astype(np.int8)

    def _by_time(self, raw: Raw, hashes: NDArray[np.uint64], params: SplitParams, first_row: int) -> NDArray[np.int8]:
        assert self.times is not None  # noqa: S101
        return self.times.searchsorted(_times(raw, str(params.column), first_row), side="right").astype(np.int8)


def require_placed(raw: Raw, params: SplitParams, first_row: int) -> None:
    """Refuse rows of a block that no rule could place: the column of the split is missing or can't be read."""
    if params.by == "time":
        _times(raw, str(params.column), first_row)
    elif params.by == "given":
        _by_given(raw, np.empty(0, np.uint64), params, first_row)
    elif params.by == "group":
        raw.column(str(params.column), "split.column")


def row_hashes(rows: Any, salt: int) -> NDArray[np.uint64]:
    """Hash the values of every row; equal rows have equal hashes on every machine.

    Of arrays (BLAKE2b) that holds where their types are equal too; of tables whatever the types, for new data may
    change a column's: 1, 1.0 and "1" are one value, and so are true and "True". Times have to be written alike.

    Parameters
    ----------
    rows : DataFrame or ndarray
    salt : int
        Another number gives other hashes.
    """
    if isinstance(rows, pd.DataFrame):
        numbers = matrix_of(rows)
        cells = [_cells(column) for _, column in rows.items()] if numbers is None else _number_cells(numbers.T)
        return _mixed(cells, salt)
    matrix = rows.reshape(len(rows), -1)
    if matrix.dtype.kind == "f":
        matrix = matrix + matrix.dtype.type(0)  # one zero
    table = np.ascontiguousarray(matrix)
    key = str(salt).encode()
    width = table.shape[1] * table.itemsize
    content = memoryview(table.view(np.uint8).reshape(-1))  # type: ignore[arg-type]
    digests = b"".join(
        hashlib.blake2b(content[start : start + width], digest_size=8, key=key).digest()
        for start in range(0, len(table) * width, width)
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _cells(column: "pd.Series[Any]") -> NDArray[np.uint64]:
    """Write every cell as 64 bits: numbers, true and false as float64, anything else as the hash of its text."""
    numbers = as_numbers(column)
    cells = _number_cells(numbers)
    text = np.isnan(numbers) & column.notna().to_numpy()
    if text.any():
        codes, values = pd.factorize(as_text(column[text]))
        cells[text] = _text_cells(pd.Series(values, dtype=object))[codes]
    return cells


def _number_cells(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    cells = numbers + 0.0  # one zero
    missing = np.isnan(cells)
    if missing.any():
        cells[missing] = np.nan  # one NaN
    return cells.view(np.uint64)


def _text_cells(texts: "pd.Series[Any]") -> NDArray[np.uint64]:
    cells: NDArray[np.uint64] = pd.util.hash_array(texts.to_numpy(object), categorize=False)
    for word, number in (("true", 1.0), ("false", 0.0)):
        cells[texts.isin([word, word.capitalize(), word.upper()]).to_numpy()] = np.float64(number).view(np.uint64)
    return cells


def _mixed(columns: Sequence[NDArray[np.uint64]] | NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """Mix the cells of each row, column after column, by the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    rows = len(columns[0])
    hashes = np.full(rows, salt % 2**64, np.uint64)
    for start in range(0, rows, _MIXED_AT_ONCE):
        mixed = hashes[start : start + _MIXED_AT_ONCE]
        shifted = np.empty_like(mixed)
        for column in columns:
            mixed += _GOLDEN_GAMMA
            mixed ^= column[start : start + _MIXED_AT_ONCE]
            for shift, factor in _FINALISER:
                np.right_shift(mixed, shift, out=shifted)
                mixed ^= shifted
                mixed *= factor
            np.right_shift(mixed, np.uint64(31), out=shifted)
            mixed ^= shifted
    return hashes


def _by_hash(raw: Raw, hashes: NDArray[np.uint64], params: SplitParams, first_row: int) -> NDArray[np.int8]:
    return _cut(hashes, params)


def _by_group(raw: Raw, hashes: NDArray[np.uint64], params: SplitParams, first_row: int) -> NDArray[np.int8]:
    groups = raw.column(str(params.column), "split.column").to_frame()
    return _cut(row_hashes(groups, params.salt), params)


def _by_given(raw: Raw, hashes: NDArray[np.uint64], params: SplitParams, first_row: int) -> NDArray[np.int8]:
    column = as_text(raw.column(str(params.column), "split.column"))
    positions = pd.Index(SPLITS).get_indexer(pd.Index(column))
    unknown = np.flatnonzero(positions < 0)
    if len(unknown):
        raise HourglassError(
            f"column {params.column!r}, row {first_row + unknown[0]}: {column.iloc[unknown[0]]!r} is no split; "
            f"expected one of {', '.join(SPLITS)}."
        )
    return positions.astype(np.int8)


def _times(raw: Raw, name: str, first_row: int) -> NDArray[Any]:
    """Read times as numbers, or as nanoseconds since 1970 in UTC."""
    column = raw.column(name, "split.column")
    is_number = pd.api.types.is_numeric_dtype(column)
    times = column if is_number else pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    unread = np.flatnonzero(times.isna())
    if len(unread):
        raise HourglassError(
            f"column {name!r}, row {first_row + unread[0]}: {column.iloc[unread[0]]!r} is no time; split.by: "
            "time needs one in every row, such as 2024-01-31 13:00:00."
        )
    return times.to_numpy(np.float64) if is_number else times.dt.as_unit("ns").astype("int64").to_numpy()


def _starts(times: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[Any]:
    """Tell the first time beyond each edge, a share of all rows; equal times share a split."""
    places = np.minimum(np.ceil(edges * len(times) - 1e-9).astype(int), len(times) - 1)
    starts = times[places]
    inside = np.searchsorted(times, starts, side="left") < places  # the edge lies within equal times
    never = np.inf if times.dtype.kind == "f" else np.iinfo(np.int64).max
    after = np.append(times, np.array(never, times.dtype))[np.searchsorted(times, starts, side="right")]
    found: NDArray[Any] = np.where(inside, after, starts)
    return found


def _cut(hashes: NDArray[np.uint64], params: SplitParams) -> NDArray[np.int8]:
    edges = np.cumsum(params.shares)[:-1]
    return np.searchsorted(edges, hashes / 2.0**64, side="right").astype(np.int8)


def crossing(start: NDArray[Any], end: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which windows lie in more than one split.

    Parameters
    ----------
    start, end : ndarray of shape (windows,)
        Times of the first and the last point of each.
    edges : ndarray of shape (splits - 1,)
        The first time of each split but the first, ascending.
    """
    first, last = (np.searchsorted(edges, times, side="right") for times in (start, end))
    return np.asarray(first != last)
