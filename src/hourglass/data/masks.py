"""Where images of a data set are anomalous: a mask for those that have one, beside the splits."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hourglass.columns import Appended, Column
from hourglass.files import sha256_of

_INDEX, _MASK = "masks/index.npy", "masks/mask.npy"


def write(masks: Iterable[tuple[int, NDArray[np.bool_]]], folder: Path) -> dict[str, str]:
    """Write masks into the folder of a data set, one in memory at a time; nothing where there are none.

    Parameters
    ----------
    masks : iterable of (int, ndarray of bool of shape (height, width))
        The number of each image's row in the snapshot, ascending, and its mask.
    folder : Path

    Returns
    -------
    dict of str to str
        The files and their hashes.
    """
    index: list[int] = []
    bits: Appended | None = None
    for row, mask in masks:
        if bits is None:
            (folder / _MASK).parent.mkdir()
            bits = Appended(folder / _MASK)
        bits.append(np.packbits(mask)[None])
        index.append(row)
    if bits is None:
        return {}
    bits.close()
    np.save(folder / _INDEX, np.array(index, np.int64))
    return {name: sha256_of(folder / name) for name in (_INDEX, _MASK)}


class DatasetMasks:
    """The masks of a data set.

    Parameters
    ----------
    folder : Path
        Of the data set.
    shape : (height, width)
        Of its images.
    """

    def __init__(self, folder: Path, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._index = np.load(folder / _INDEX, allow_pickle=False) if (folder / _INDEX).exists() else np.empty(0, int)
        self._bits = Column([folder / _MASK]) if len(self._index) else None

    def __len__(self) -> int:
        return len(self._index)

    def has(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows have a mask by their numbers in the snapshot."""
        return np.isin(index, self._index)

    def of(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Give the masks of rows by their numbers in the snapshot: shape (rows, height, width); false without one."""
        masks = np.zeros((len(index), *self._shape), bool)
        known = np.flatnonzero(self.has(index))
        if self._bits is not None and len(known):
            bits = self._bits.take(np.searchsorted(self._index, index[known]))
            masks[known] = np.unpackbits(bits, axis=1, count=masks[0].size).reshape(-1, *self._shape)
        return masks
