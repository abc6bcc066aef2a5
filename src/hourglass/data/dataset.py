"""The data set on disk: encoded but un-normalised shards for each split, and one ``dataset.json``."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.files import read_json
from hourglass.outputs import DATASET
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema, schema_from_config

FORMAT_VERSION = 1
_SHARD_BYTES = 64 * 2**20
_COLUMNS = ("x", "label", "index", "condition")


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
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.info["classes"])

    def rows(self, split: str) -> Rows:
        """Read a split; one shard stays on disk as a memory map."""
        return Rows(**{name: self._column(split, name) for name in _COLUMNS})

    def raw(self, split: str) -> Any:
        """Read a split as people have the rows: without their label, with all else that is told of them beside."""
        rows = self.rows(split)
        raw = self.schema.decode(rows.x)
        return self.conditioning.beside(raw, np.asarray(rows.condition)) if self.conditioning else raw

    def is_anomaly(self, label: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which class codes are anomalies."""
        codes = [self.info["classes"].index(name) for name in self.info["anomalous"]]
        return np.isin(label, codes)

    def _column(self, split: str, name: str) -> NDArray[Any]:
        shards = sorted((self.folder / split).glob(f"{name}-*.npy"))
        parts = [np.load(shard, mmap_mode="r", allow_pickle=False) for shard in shards]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def write_rows(folder: Path, rows: Rows) -> None:
    """Write a split as shards of about 64 MiB."""
    folder.mkdir(parents=True)
    per_shard = max(1, _SHARD_BYTES // max(1, rows.x[:1].nbytes))
    for number, start in enumerate(range(0, max(len(rows), 1), per_shard)):
        part = slice(start, start + per_shard)
        for name in _COLUMNS:
            np.save(folder / f"{name}-{number:05d}.npy", np.ascontiguousarray(getattr(rows, name)[part]))
