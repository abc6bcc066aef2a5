"""Codes that are made of entries, drawn entry by entry."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def draw_index(
    step: Callable[..., tuple[NDArray[Any], NDArray[Any]]],
    entries: int,
    cache: NDArray[Any],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw codes entry by entry, each given those before.

    Parameters
    ----------
    step : callable
        Gives, for the entries before, their place and the cache, the logarithm of each entry's probability, of shape
        (rows, entries), and the cache for the next place.
    entries : int
        How many there are; this number stands before the first place.
    cache : ndarray of shape (rows, layers, 2, places, width)
        One that holds nothing yet.
    generator : Generator

    Returns
    -------
    ndarray of shape (rows, places)
    """
    n, _, _, length, _ = cache.shape
    index = np.full((n, length + 1), entries, np.int64)
    for place in range(length):
        log_probability, cache = step(index[:, place], np.full(n, place), cache)
        reached = np.exp(log_probability.astype(np.float64)).cumsum(axis=1)
        index[:, place + 1] = (reached < generator.random((n, 1)) * reached[:, -1:]).sum(axis=1)
    return index[:, 1:]
