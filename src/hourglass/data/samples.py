"""A few rows to look at, the same ones however the rows come."""

from collections.abc import Mapping
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Stored

#: Rows of a sample, at most, and bytes of them, unless a single row is larger.
_ROWS, _BYTES = 512, 4 * 2**20
#: Odd, so that it gives every hash another place: in the order of the hashes themselves rows of train come first.
_SHUFFLE = np.uint64(0xD1342543DE82EF95)
_NAMES = ("order", "x", "label", "index", "split")


class Sample:
    """The different rows whose shuffled hashes are smallest, of all that were seen.

    Which rows these are depends on the rows alone, not on their order nor on how they come in blocks.

    Parameters
    ----------
    shape : tuple of int
        Of a row.
    dtype : dtype or str
        Of its numbers.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.size = max(1, min(_ROWS, _BYTES // (prod(shape) * np.dtype(dtype).itemsize)))
        self._kept: dict[str, NDArray[Any]] = {
            "order": np.empty(0, np.uint64),
            "x": np.empty((0, *shape), dtype),
            "label": np.empty(0, np.int64),
            "index": np.empty(0, np.int64),
            "split": np.empty(0, np.int8),
        }

    def __len__(self) -> int:
        return len(self._kept["order"])

    def update(self, rows: Stored, hashes: NDArray[np.uint64], splits: NDArray[np.int8], which: NDArray[Any]) -> None:
        """Take those of some rows that `which` marks."""
        places = np.flatnonzero(which)
        order = hashes[places] * _SHUFFLE
        if len(self) == self.size:
            near = order <= self._kept["order"][-1]
            places, order = places[near], order[near]
        order, first = np.unique(order, return_index=True)
        places = places[first[: self.size]]
        taken, order = rows.take(places), order[: self.size]
        self._add({"order": order, "x": taken.x, "label": taken.label, "index": taken.index, "split": splits[places]})

    def merge(self, other: "Sample") -> None:
        """Take what another one has kept."""
        self._add(other._kept)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all that is kept, by name, in the order of the rows' places."""
        return dict(self._kept)

    def numbered(self, codes: NDArray[np.int64]) -> "Sample":
        """Give the same rows with other numbers for their classes."""
        found = self.from_arrays(self._kept)
        if len(codes):
            found._kept["label"] = codes[self._kept["label"]]
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `arrays` gave."""
        found = cls(arrays["x"].shape[1:], arrays["x"].dtype)
        found._kept = {name: np.asarray(arrays[name]) for name in _NAMES}
        return found

    def _add(self, rows: Mapping[str, NDArray[Any]]) -> None:
        if not len(rows["order"]):
            return
        both = {name: np.concatenate([self._kept[name], rows[name]]) for name in _NAMES}
        _, chosen = np.unique(both["order"], return_index=True)
        self._kept = {name: array[chosen[: self.size]] for name, array in both.items()}
