"""The data set on disk: encoded but un-normalised shards for each split, and one ``dataset.json``."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.files import read_json
from hourglass.outputs import DATASET
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import Schema, schema_from_config

FORMAT_VERSION = 1
_SHARD_BYTES = 64 * 2**20


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
    """

    x: NDArray[Any]
    label: NDArray[np.int64]
    index: NDArray[np.int64]

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

    @property
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.info["classes"])

    def rows(self, split: str) -> Rows:
        """Read a split; one shard stays on disk as a memory map."""
        return Rows(*(self._column(split, name) for name in ("x", "label", "index")))

    def raw(self, split: str) -> Any:
        """Read a split as people have the rows."""
        return self.schema.decode(self.rows(split).x)

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
        for name in ("x", "label", "index"):
            np.save(folder / f"{name}-{number:05d}.npy", np.ascontiguousarray(getattr(rows, name)[part]))
