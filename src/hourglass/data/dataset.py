"""The data set on disk: encoded but un-normalised shards for each split, and one ``dataset.json``."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hourglass.columns import Column
from hourglass.files import read_json
from hourglass.outputs import DATASET
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema, schema_from_config

FORMAT_VERSION = 2
#: Bytes of one file, at most, unless a row is larger.
_FILE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Stored:
    """Rows of a split as they lie on disk.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
        In the data's own units and type.
    label : ndarray of int64, shape (rows,)
        Class codes, -1 where unlabelled.
    index : ndarray of int64, shape (rows,)
        Row numbers in the snapshot.
    condition : ndarray of shape (rows, *condition's shape)
        What is known of each row beside it, in its own units.
    known : ndarray of bool, shape (rows,)
        Whether it is known.
    """

    x: NDArray[Any]
    label: NDArray[np.int64]
    index: NDArray[np.int64]
    condition: NDArray[Any]
    known: NDArray[np.bool_]

    COLUMNS = ("x", "label", "index", "condition", "known")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: Any) -> "Stored":
        """Take some of the rows."""
        return Stored(*(getattr(self, name)[which] for name in self.COLUMNS))


@dataclass(frozen=True)
class Rows:
    """The rows of a split.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
        In the data's own units and type.
    label : ndarray of int64, shape (rows,)
        Class codes, -1 where unlabelled.
    index : ndarray of int64, shape (rows,)
        Row numbers in the snapshot.
    condition : ndarray of float32, shape (rows, known)
        What a conditional variant is told of each row; 0 throughout where that isn't known.
    """

    x: NDArray[Any]
    label: NDArray[np.int64]
    index: NDArray[np.int64]
    condition: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.x)


class Dataset:
    """A data set made by ``ingest``.

    Raises
    ------
    HourglassError
        The folder holds none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info: dict[str, Any] = read_json(folder / DATASET)
        self._opened: dict[str, list[Column]] = {}

    @cached_property
    def schema(self) -> Schema:
        """What a row is."""
        return schema_from_config(self.info["schema"])

    @cached_property
    def normaliser(self) -> Normaliser:
        """The map to the nets' units."""
        return Normaliser.from_config(self.info["normaliser"])

    @cached_property
    def conditioning(self) -> Conditioning | None:
        """What is known of a row beside it; None: nothing."""
        config = self.info["condition"]
        return Conditioning.from_config(config) if config else None

    @property
    def known(self) -> int:
        """Numbers that a conditional variant is told of each row."""
        return self.conditioning.known if self.conditioning else 0

    @property
    def known_shape(self) -> tuple[int, ...]:
        """Shape of the array that is known of each row; () where none is."""
        return self.conditioning.known_shape if self.conditioning else ()

    @property
    def borders(self) -> NDArray[np.int64]:
        """Rows of the snapshot, ascending, before which a series or recording begins, or readings are missing.

        Empty of other rows, and of a data set that an older version made.
        """
        return np.asarray(self.info.get("borders", ()), np.int64)

    @property
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.info["classes"])

    def count(self, split: str) -> int:
        """Count the rows of a split."""
        return int(self.info["counts"][split]["rows"])

    def rows(self, split: str) -> Rows:
        """Read a split; what one file holds stays on disk as a memory map."""
        return self._told(Stored(*(self._column(split, name) for name in Stored.COLUMNS)))

    def read(self, split: str, start: int, stop: int) -> Rows:
        """Read the rows of a split from `start` up to `stop`."""
        return self._told(Stored(*(column.read(start, stop) for column in self._columns(split))))

    def take(self, split: str, places: NDArray[np.integer[Any]]) -> Rows:
        """Read single rows of a split by their places in it."""
        return self._told(Stored(*(column.take(places) for column in self._columns(split))))

    def labels(self, split: str) -> NDArray[np.int64]:
        """Read the class codes of a split."""
        column = self._columns(split)[Stored.COLUMNS.index("label")]
        return column.read(0, len(column))

    def stretches(self, split: str) -> NDArray[np.int64]:
        """Give the number of the recording, or stretch of a series, that each row is of; of other rows it is 0."""
        column = self._columns(split)[Stored.COLUMNS.index("index")]
        return np.searchsorted(self.borders, column.read(0, len(column)), side="right")

    def blocks(self, split: str, rows: int) -> Iterator[Rows]:
        """Read a split in order, so many rows at a time, with no more than these in memory."""
        count = len(self._columns(split)[0])
        for start in range(0, count, rows):
            yield self.read(split, start, min(start + rows, count))

    def raw(self, split: str) -> Any:
        """Read a split as people have the rows: without their label, with all else that is told of them beside."""
        return self.as_given(self.rows(split))

    def as_given(self, rows: Rows) -> Any:
        """Give rows of a split as people have them; see `raw`."""
        raw = self.schema.decode(rows.x)
        return self.conditioning.beside(raw, np.asarray(rows.condition)) if self.conditioning else raw

    def is_anomaly(self, label: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which class codes are anomalies."""
        codes = [self.info["classes"].index(name) for name in self.info["anomalous"]]
        return np.isin(label, codes)

    def _told(self, stored: Stored) -> Rows:
        if self.conditioning is None:
            condition = np.zeros((len(stored), 0), np.float32)
        else:
            condition, _ = self.conditioning.tell(np.asarray(stored.condition), np.asarray(stored.known))
        return Rows(stored.x, stored.label, stored.index, condition)

    def _column(self, split: str, name: str) -> NDArray[Any]:
        parts = [np.load(path, mmap_mode="r", allow_pickle=False) for path in self._files(split, name)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _columns(self, split: str) -> list[Column]:
        if split not in self._opened:
            self._opened[split] = [Column(self._files(split, name)) for name in Stored.COLUMNS]
        return self._opened[split]

    def _files(self, split: str, name: str) -> list[Path]:
        return sorted((self.folder / split).glob(f"{name}-*.npy"))


class Writer:
    """Appends rows to the files of a split, of at most 64 MiB each.

    Parameters
    ----------
    folder : Path
        Of the split.
    prefix : str
        Comes before the number in a file's name.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._prefix, self._number, self._rows = folder, prefix, 0, 0
        self._streams: dict[str, BinaryIO] = {}
        self._heads: dict[str, dict[str, Any]] = {}

    def append(self, rows: Stored) -> None:
        """Write rows behind those that are there."""
        per_file = max(1, _FILE_BYTES // max(1, rows.x[:1].nbytes)) if len(rows) else 1
        start = 0
        while start < len(rows):
            if self._rows >= per_file:
                self.close()
            part = rows.take(slice(start, start + per_file - self._rows))
            for name in Stored.COLUMNS:
                self._write(name, np.ascontiguousarray(getattr(part, name)))
            start += len(part)
            self._rows += len(part)

    def _write(self, name: str, array: NDArray[Any]) -> None:
        if name not in self._streams:
            self._streams[name] = (self._folder / f"{name}-{self._prefix}{self._number:05d}.npy").open("wb")
            self._heads[name] = np.lib.format.header_data_from_array_1_0(array[:0])
            np.lib.format.write_array_header_1_0(self._streams[name], self._heads[name])
        self._streams[name].write(memoryview(array.reshape(-1)).cast("B"))  # type: ignore[arg-type]

    def close(self) -> None:
        """Finish the present files: only now their number of rows is known, for which a header leaves room."""
        for name, stream in self._streams.items():
            head = self._heads[name]
            stream.seek(0)
            np.lib.format.write_array_header_1_0(stream, head | {"shape": (self._rows, *head["shape"][1:])})
            stream.close()
        self._number, self._rows, self._streams = self._number + 1, 0, {}
