"""What the models were made from."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.table import Column

#: What each split is for.
PURPOSES = {
    "train": "fits the nets, the normaliser and PCA",
    "validation": "decides early stopping",
    "calibration": "sets the alarm threshold",
    "selection": "ranks the variants and decides promotion",
    "test": "is reported and chooses nothing",
}


@dataclass(frozen=True)
class Class:
    """A class of the label, and its rows in each of `SPLITS`."""

    name: str
    anomalous: bool
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Data:
    """What the models were made from.

    Parameters
    ----------
    source, kind : str
    label : str or None
    shape : tuple of int
        Of a row in the nets.
    features : list of str
        Names of a table's numbers; empty for images and arrays.
    categories : list of Column
        Of a table.
    dtype : str
    counts : dict of str to dict
        Split to its ``rows`` and ``anomalies``.
    classes : tuple of Class
        Empty without labels.
    normaliser : Normaliser
    normalise : str
        The setting that it was fitted by.
    dropped, duplicates : dict of str to int
    statistics : list of dict
        Of the normal training rows, in the data's units.
    overview : dict
        The content of ``overview.json``.
    version : dict
        DVC's ``md5``, ``size`` and ``nfiles`` of the snapshot; empty where it isn't versioned.
    """

    source: str
    kind: str
    label: str | None
    shape: tuple[int, ...]
    features: list[str]
    categories: list[Column]
    dtype: str
    counts: dict[str, dict[str, int]]
    classes: tuple[Class, ...]
    normaliser: Normaliser
    normalise: str
    dropped: dict[str, int]
    duplicates: dict[str, int]
    statistics: list[dict[str, Any]]
    overview: dict[str, Any]
    version: dict[str, Any]

    @property
    def drawn(self) -> Literal["image", "table", "curve"]:
        """How rows are drawn: the spectrum of sound as an image."""
        if self.kind in ("image", "table"):
            return self.kind  # type: ignore[return-value]
        return "image" if self.kind == "audio" and self.shape[0] > 1 else "curve"

    @property
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.classes)

    def correlated(self, least: float) -> list[tuple[str, str, float]]:
        """Give the pairs of numbers whose correlation is at least so far from 0, the strongest first."""
        found = self.overview["correlation"] or {"names": [], "values": []}
        pairs = [
            (other, name, r)
            for name, row in zip(found["names"], found["values"], strict=True)
            for other, r in zip(found["names"][: found["names"].index(name)], row, strict=False)
            if r is not None and abs(r) >= least
        ]
        return sorted(pairs, key=lambda pair: -abs(pair[2]))

    @property
    def rows(self) -> int:
        """Rows in all splits."""
        return sum(count["rows"] for count in self.counts.values())


@dataclass(frozen=True)
class Sample:
    """A few rows of the data, in its own units.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
    table : DataFrame or None
        Of a table, as people have them.
    label : list of str
        Classes; empty texts without labels.
    split : list of str
    index : ndarray of shape (rows,)
        Row numbers in the snapshot.
    anomaly : ndarray of bool, shape (rows,)
    """

    x: NDArray[Any]
    table: pd.DataFrame | None
    label: list[str]
    split: list[str]
    index: NDArray[np.int64]
    anomaly: NDArray[np.bool_]
