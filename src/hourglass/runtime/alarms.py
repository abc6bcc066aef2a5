"""Which rows of a batch to call anomalous, and how large a share of alarms a budget allows.

`conformal.threshold` keeps the promise for each row by itself. Of a million normal rows it lets through many false
alarms; `adjusted` bounds their share among all alarms of a batch.
"""

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

#: Nanoseconds of a day.
_DAY = 86_400 * 10**9


def adjusted(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values of a batch for the false-discovery rate.

    Rows whose adjusted p-value is at most q are a batch of alarms of which, on average, at most the share q is false.
    This holds for conformal p-values of one calibration set, which are positively dependent.

    Source: Benjamini & Hochberg 1995, "Controlling the false discovery rate"; Bates, Candes, Lei, Romano & Sesia 2023,
    "Testing for outliers with conformal p-values", theorem 2.

    Parameters
    ----------
    p_values : ndarray of shape (rows,)
        NaN where a row can't be judged; such a row counts as no test.

    Returns
    -------
    ndarray of float64, shape (rows,)
        ``min over j >= i of p_(j) m / j``, at most 1; NaN stays.

    Raises
    ------
    InputError
        A p-value lies outside of 0 to 1.
    """
    judged = np.flatnonzero(~np.isnan(p_values))
    p = p_values[judged]
    outside = np.flatnonzero((p < 0) | (p > 1))
    if len(outside):
        raise InputError(f"p-value {judged[outside[0]]} is {p[outside[0]]:g}; expected 0 to 1.")
    values, which, counts = np.unique(p, return_inverse=True, return_counts=True)
    found = np.full(len(p_values), np.nan)
    found[judged] = adjusted_values(values, counts)[which]
    return found


def adjusted_values(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Do as `adjusted` does where it is known how often each p-value occurs, so that no row need be in memory.

    Parameters
    ----------
    values : ndarray of shape (values,)
        All different, in ascending order, from 0 to 1.
    counts : ndarray of int64, shape (values,)
        Rows of each.

    Returns
    -------
    ndarray of float64, shape (values,)
    """
    scaled = values * counts.sum() / np.cumsum(counts)
    return np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)


def require_share(share: float) -> None:
    """Refuse a share of false alarms that decides nothing.

    Raises
    ------
    InputError
        It doesn't lie between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(f"share is {share:g}; expected a number between 0 and 1.")


def alpha_of_budget(alarms: float, *, rows: float | None = None, period: int | None = None) -> float:
    """Give the share of normal rows that may raise an alarm so that a budget of false alarms is kept on average.

    Parameters
    ----------
    alarms : float
        False alarms that are affordable: for so many rows, or for a day.
    rows : float, optional
        The rows that these alarms are for.
    period : int, optional
        Instead of `rows`, where they come one after the other: nanoseconds from one to the next.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    InputError
        The budget allows no alarm, or an alarm for every row.
    """
    number = rows if rows is not None else _DAY / float(period or 0)
    share = alarms / number
    if not 0 < share < 1:
        raise InputError(
            f"a budget of {alarms:g} alarms for {number:,.6g} rows lets {share:.3g} of them raise one; expected more "
            "than none and less than all."
        )
    return share
