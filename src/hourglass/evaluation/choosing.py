"""A few of many rows."""

import numpy as np
from numpy.typing import NDArray


def some(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Choose so many places at random, in ascending order; all of them where there are no more.

    Parameters
    ----------
    places : ndarray of int64, shape (rows,)
    most : int

    Returns
    -------
    ndarray of int64
        The same for the same number of places.
    """
    if len(places) <= most:
        return places
    return places[np.sort(np.random.default_rng(0).choice(len(places), most, replace=False, shuffle=False))]
