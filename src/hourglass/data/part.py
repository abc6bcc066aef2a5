"""What one raw shard becomes: its rows in the five splits, and all that must be known of them together.

A part depends on its shard and on the plan alone, so it is kept and used again while both are as they were.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data import schemas, split, surveying
from hourglass.data.borders import borders_of
from hourglass.data.dataset import Stored, Writer
from hourglass.data.labels import Labels
from hourglass.data.moments import ends
from hourglass.data.overview import Overview
from hourglass.data.params import SPLITS, DataParams
from hourglass.data.sources import Raw
from hourglass.data.statistics import Summary
from hourglass.files import folder_hashes, read_json, write_json
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import TableSchema

_FACTS, _ROWS, _KNOWN, _HASHES = "part.json", "rows.npz", "known.npz", "hashes.bin"
_OVERVIEW, _ENDS = "overview.npz", "ends.npz"
#: What is kept of each row: its hash, its split, and whether it is an anomaly.
TRACE = np.dtype([("hash", "<u8"), ("split", "i1"), ("anomaly", "?")])


@dataclass(frozen=True)
class Plan:
    """What is done with every row, settled before the first one is read.

    Parameters
    ----------
    data : DataParams
    rule : Rule
        How rows are split.
    schema : Schema
    condition : Schema or None
        What ``data.condition`` names.
    """

    data: DataParams
    rule: split.Rule
    schema: Schema
    condition: Schema | None

    def config(self) -> dict[str, Any]:
        """Describe all that a part depends on as JSON, beside its shard."""
        return {
            "data": self.data.model_dump(exclude={"source", "memory"}, mode="json"),
            "split": self.rule.params.model_dump(mode="json"),
            "times": None if self.rule.times is None else self.rule.times.tolist(),
            "schema": self.schema.config(),
            "condition": self.condition.config() if self.condition else None,
        }


@dataclass(frozen=True)
class Part:
    """A part on disk.

    Parameters
    ----------
    folder : Path
        Holds a folder for each split.
    facts : dict
        ``rows``, ``classes``, ``counts`` by split and class, ``dropped``, ``dtype``, ``files`` with their hashes, of
        series and recordings ``borders``, and those of `Overview.facts`.
    rows, known : Summary
        Normal training rows, and what is known beside them.
    ends : ndarray of shape (2, *shape)
        The smallest and the largest number of every feature, in rows of any split; of bytes none.
    overview : callable
        Reads what was kept of all rows to show them.
    """

    folder: Path
    facts: dict[str, Any]
    rows: Summary
    known: Summary | None
    ends: NDArray[np.float64]
    overview: Callable[[], Overview]

    @classmethod
    def read(cls, folder: Path, plan: Plan) -> "Part":
        """Read a part that `write` has finished."""
        known = _read_summary(folder / _KNOWN, plan.condition) if plan.condition else None
        facts = read_json(folder / _FACTS)

        def overview() -> Overview:
            with np.load(folder / _OVERVIEW, allow_pickle=False) as arrays:
                return Overview.read(plan.schema, plan.rule.params, dict(arrays), facts)

        with np.load(folder / _ENDS, allow_pickle=False) as arrays:
            ends = arrays["ends"]
        return cls(folder, facts, _read_summary(folder / _ROWS, plan.schema), known, ends, overview)

    def trace(self, start: int, rows: int) -> NDArray[np.void]:
        """Read what is kept of some rows: `TRACE`."""
        return np.fromfile(self.folder / _HASHES, TRACE, rows, offset=start * TRACE.itemsize)


def write(blocks: Any, plan: Plan, folder: Path, first_row: int) -> None:
    """Write a part into an empty folder.

    Parameters
    ----------
    blocks : iterable of Raw
        The shard's rows.
    plan : Plan
    folder : Path
    first_row : int
        Number of the shard's first row in the snapshot.

    Raises
    ------
    HourglassError
        A label is missing, or the column that decides the split can't be read.
    """
    maker = _Maker(plan, folder, first_row)
    try:
        with (folder / _HASHES).open("wb") as traces, ThreadPoolExecutor(1) as beside:
            stored: Future[None] | None = None
            for block in blocks:
                trace, ready = maker.encode(block)
                traces.write(trace.tobytes())
                if stored is not None:
                    stored.result()
                stored = beside.submit(maker.store, ready)  # while the next block is read and encoded
            if stored is not None:
                stored.result()
    finally:
        maker.close()
    maker.finish()


@dataclass(frozen=True)
class _Ready:
    """Rows that are encoded and divided: what is kept of each, which of them are measured, and which are kept."""

    stored: Stored
    trace: NDArray[np.void]
    fitted: NDArray[np.bool_]
    valid: NDArray[np.bool_]


class _Maker:
    """Writes a part block by block."""

    def __init__(self, plan: Plan, folder: Path, first_row: int) -> None:
        self.plan, self.folder, self.first_row, self.row = plan, folder, first_row, first_row
        self.writers = {name: Writer(folder / name, f"{first_row:012d}-") for name in SPLITS}
        self.rows = Summary(plan.schema)
        self.known = Summary(plan.condition) if plan.condition else None
        self.ends = np.empty((0, *plan.schema.shape))
        self.overview = Overview(plan.schema, plan.rule.params)
        self.borders = borders_of(plan.schema, first_row)
        self.codes: dict[str, int] = {}
        self.counts: dict[str, Counter[int]] = {name: Counter() for name in SPLITS}
        self.dropped: Counter[str] = Counter()
        self.dtype = ""

    def encode(self, block: Raw) -> tuple[NDArray[np.void], "_Ready"]:
        """Encode and divide the rows of a block; give what is kept of each row, and what `store` takes."""
        plan = self.plan
        labels = Labels.of(block, plan.data, self.row)
        rows = surveying.features(block, plan.data, plan.rule.params.column)
        trace = np.empty(len(block.rows), TRACE)
        trace["hash"] = split.row_hashes(rows, plan.rule.params.salt)
        trace["anomaly"] = labels.is_anomaly
        trace["split"] = plan.rule.assign(block, trace["hash"], labels.is_anomaly, self.row)
        x, valid = plan.schema.encode(rows)
        stored, known = self._stored(block, x, labels)
        self._count_dropped(rows, valid, plan.schema)
        if plan.condition is not None and not known.all():
            self._count_dropped(schemas.known_rows(block, plan.data)[valid], known[valid], plan.condition)
        self._count_left_out(trace["split"])
        self.overview.look(block.side, valid)
        if self.borders is not None:
            self.borders.look(block.side)
        self.row += len(block.rows)
        self.dtype = str(x.dtype)
        fitted = (trace["split"] == SPLITS.index("train")) & ~trace["anomaly"] & valid
        return trace, _Ready(stored, trace, fitted, valid & known)

    def store(self, ready: "_Ready") -> None:
        """Measure and write the rows of a block, split by split."""
        stored, fitted = ready.stored, ready.fitted
        if self.known is not None:
            self.known.update(stored.condition[fitted & stored.known])
        kept = ready.valid & (ready.trace["split"] >= 0)
        place = np.where(kept, ready.trace["split"], len(SPLITS))
        order = place.argsort(kind="stable")
        rows, stops = stored.take(order), np.bincount(place, minlength=len(SPLITS)).cumsum()
        train = slice(0, stops[0])
        of_train = fitted[order][train]
        measured = rows.x[train] if of_train.all() else rows.x[train][of_train]
        self.rows.update(measured)
        self._widen(rows.x[: stops[len(SPLITS) - 1]])
        self.overview.take(measured, stored, ready.trace, kept)
        for name, start, stop in zip(SPLITS, (0, *stops), stops, strict=False):
            if stop > start:
                part = rows.take(slice(start, stop))
                self.writers[name].append(part)
                self.counts[name].update(dict(zip(*np.unique_counts(part.label), strict=True)))

    def _widen(self, x: NDArray[Any]) -> None:
        """Note the smallest and the largest numbers; what is missing is none."""
        if x.dtype.kind == "f" and len(x):
            both = np.concatenate([self.ends, np.stack(ends(x)).astype(np.float64)])
            self.ends = np.stack(ends(both))

    def _stored(self, block: Raw, x: NDArray[Any], labels: Labels) -> tuple[Stored, NDArray[np.bool_]]:
        """Put columns side by side, and tell of which rows all is known that must be: a label may be new."""
        index = np.arange(self.row, self.row + len(x))
        codes = np.array([self.codes.setdefault(name, len(self.codes)) for name in labels.names], np.int64)
        label = codes[labels.codes] if labels.names else labels.codes
        everything = np.ones(len(x), bool)
        if self.plan.condition is None:
            return Stored(x, label, index, np.empty((len(x), 0)), everything), everything
        condition, known = self.plan.condition.encode(schemas.known_rows(block, self.plan.data))
        of_label = self.plan.data.label in self.plan.data.condition
        return Stored(x, label, index, condition, known), everything if of_label else known

    def _count_dropped(self, rows: Any, valid: NDArray[np.bool_], schema: Schema) -> None:
        """Count rows with a missing or infinite value; what else is dropped has a category that train doesn't know."""
        missing = 0 if valid.all() else int(_missing(rows[~valid], schema).sum())
        self.dropped["missing_or_infinite"] += missing
        self.dropped["unseen_category"] += int((~valid).sum()) - missing

    def _count_left_out(self, splits: NDArray[np.int8]) -> None:
        """Count windows that are in no split."""
        for why, mark in (("crossing_a_split", split.CROSSES), ("anomalous_before_selection", split.EARLY)):
            if (splits == mark).any():
                self.dropped[why] += int((splits == mark).sum())

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    def finish(self) -> None:
        """Write what must be known of all rows."""
        files = {name: sha256 for name, sha256 in folder_hashes(self.folder).items() if name != _HASHES}
        np.savez(self.folder / _ROWS, allow_pickle=False, **self.rows.arrays())
        np.savez(self.folder / _ENDS, allow_pickle=False, ends=self.ends)
        np.savez(self.folder / _OVERVIEW, allow_pickle=False, **self.overview.arrays())
        if self.known is not None:
            np.savez(self.folder / _KNOWN, allow_pickle=False, **self.known.arrays())
        facts = {
            "rows": self.row - self.first_row,
            "classes": list(self.codes),
            "counts": {
                name: {str(code): int(rows) for code, rows in found.items()} for name, found in self.counts.items()
            },
            "dropped": dict(self.dropped),
            "dtype": self.dtype,
            **({"borders": self.borders.rows} if self.borders is not None else {}),
            **self.overview.facts(),
            "files": files,
        }
        write_json(self.folder / _FACTS, facts)


def _missing(rows: Any, schema: Schema) -> NDArray[np.bool_]:
    """Tell which rows have a missing or infinite value that nothing is imputed for."""
    missing = np.zeros(len(rows), bool)
    if not isinstance(schema, TableSchema):
        return ~missing
    for column in schema.columns:
        values = rows[column.name]
        if column.type != "category":
            missing |= ~column.encode(values)[1]
        elif column.impute == "none":
            missing |= values.isna().to_numpy()
    return missing


def _read_summary(path: Path, schema: Schema) -> Summary:
    with np.load(path, allow_pickle=False) as arrays:
        return Summary.from_arrays(schema, dict(arrays))
