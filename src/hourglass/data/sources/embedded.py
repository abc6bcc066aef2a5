"""Sets that come with scikit-learn: they need no network and are the same bytes on every machine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hourglass.data.sources import Kind


@dataclass(frozen=True)
class Embedded:
    """A bundled set.

    Parameters
    ----------
    reader : str
        How its shard is read.
    label : str
    normal, anomalous : list or None
        Which labels are normal, or which are anomalous.
    condition : list of str
        What a conditional variant is told of a row.
    write : callable
        Writes the raw files into a folder and says what kind they are.
    """

    reader: str
    label: str
    normal: list[str | int | bool] | None
    anomalous: list[str | int | bool] | None
    condition: list[str]
    write: Callable[[Path], Kind]


def _write_digits(shard: Path) -> Kind:
    """1,797 handwritten digits of 8 x 8 pixels from 0 to 16 (Alpaydin & Kaynak 1998)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    np.save(shard / "x.npy", bunch.images.astype(np.uint8))
    np.save(shard / "digit.npy", bunch.target.astype(np.uint8))
    return "image"


def _write_breast_cancer(shard: Path) -> Kind:
    """569 tumours by 30 measures of their cell nuclei (Wolberg, Street & Mangasarian 1995)."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.data.copy()
    frame["diagnosis"] = bunch.target_names[bunch.target]
    frame.to_csv(shard / "table.csv", index=False, lineterminator="\n")
    return "table"


EMBEDDED = {
    "digits": Embedded("array", "digit", None, [8], ["digit"], _write_digits),
    "breast_cancer": Embedded("table", "diagnosis", ["benign"], None, [], _write_breast_cancer),
}
