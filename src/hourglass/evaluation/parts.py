"""A split in parts that are worked on one after the other, and samples of it, so that memory doesn't grow with it."""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset, Rows
from hourglass.evaluation.choosing import some
from hourglass.runtime import Model
from hourglass.runtime.graphs import BLOCK

#: Bytes of float64 that a part and a sample take, about.
_PART, _SAMPLE = 2**22, 2**26
#: Rows of a sample, at most, where a split isn't taken as a whole.
_ROWS = 20_000


def parts(dataset: Dataset, split: str) -> Iterator[tuple[Rows, int]]:
    """Read a split in parts that begin where the graphs' blocks do, each with the number of its first row."""
    size = BLOCK * max(1, _PART // (BLOCK * _row_bytes(dataset)))
    first_row = 0
    for rows in dataset.blocks(split, size):
        yield rows, first_row
        first_row += len(rows)


def scores(model: Model, dataset: Dataset, split: str) -> NDArray[np.float64]:
    """Score all rows of a split: shape (rows,)."""
    judged = (model.score(dataset.as_given(rows), first_row=at)["anomaly_score"] for rows, at in parts(dataset, split))
    return np.concatenate([part.to_numpy() for part in judged])


def sample(dataset: Dataset, split: str, most: int | None = None) -> NDArray[np.int64]:
    """Choose places of rows that fit the memory together: all of them, or else at random; in ascending order.

    Parameters
    ----------
    dataset : Dataset
    split : str
    most : int, optional
        Rows that are enough.
    """
    count, fitting = dataset.count(split), room(dataset)
    most = min(fitting, most or (fitting if count <= fitting else _ROWS))
    return some(np.arange(count), most)


def room(dataset: Dataset) -> int:
    """Count the rows that fit the memory together."""
    return max(1, _SAMPLE // _row_bytes(dataset))


def mapped(dataset: Dataset, most: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """Choose the rows of the latent map, which training never saw: at most so many places, by split, ascending."""
    splits = ("calibration", "selection", "test")
    counts = [dataset.count(split) for split in splits]
    chosen = np.sort(np.random.default_rng(seed).permutation(sum(counts))[:most])
    starts = np.cumsum([0, *counts])
    return {
        split: chosen[(chosen >= start) & (chosen < start + count)] - start
        for split, start, count in zip(splits, starts, counts, strict=False)
    }


def _row_bytes(dataset: Dataset) -> int:
    return 8 * prod(dataset.schema.shape)
