"""Numbers counted between edges: sketches that merge exactly, whatever the order and the parts that rows come in."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Bins of a column of numbers, at most; each holds about as many rows of the reference.
BINS = 64


@dataclass(frozen=True)
class Counts:
    """How many rows lie in each bin.

    Parameters
    ----------
    bins : ndarray of int64
        One more than there are edges: bin i holds what is above edge i - 1 and at most edge i.
    missing : int
        Rows without a value.
    unknown : int
        Rows with a value that isn't one: an unseen category, text for a number, an infinite one.
    """

    bins: Ints
    missing: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, values: Floats, edges: Floats) -> Self:
        """Count values of shape (rows,) between ascending edges, of which NaN is missing and infinity unknown."""
        finite = np.isfinite(values)
        places = np.searchsorted(edges, values[finite], side="left")
        missing = int(np.isnan(values).sum())
        bins = np.bincount(places, minlength=len(edges) + 1).astype(np.int64)
        return cls(bins, missing, len(values) - missing - int(finite.sum()))

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.bins.sum())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.known + self.missing + self.unknown

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.bins + other.bins, self.missing + other.missing, self.unknown + other.unknown)

    def config(self) -> dict[str, Any]:
        """Describe the counts as JSON."""
        return {"bins": self.bins.tolist(), "missing": self.missing, "unknown": self.unknown}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(np.array(config["bins"], np.int64), config["missing"], config["unknown"])


def edges_of(values: Floats, bins: int = BINS) -> Floats:
    """Give edges between which about as many of the values lie; each is one of the values.

    Whole numbers of few values get a bin each, so that nothing of them is lost.

    Parameters
    ----------
    values : ndarray of shape (rows,)
        What isn't finite is left out.
    """
    ranked = np.sort(values[np.isfinite(values)])
    different = np.unique(ranked)
    if len(different) <= bins:
        return different[:-1]
    places = np.arange(1, bins) * len(ranked) // bins
    return np.unique(ranked[places])
