"""Tests of two sets of rows that are counted in the same bins.

Each gives a p-value that holds where all rows, the reference's and the batch's, are drawn alike and apart. Where rows
overlap, numbers of them count by the share that has nothing in common (``apart``, of windows stride by length): means
over rows stay what they are, and are as certain as those of so many fewer rows.
"""

from math import floor

import numpy as np
from numpy.typing import NDArray

from hourglass.drift.bins import Floats, Ints
from hourglass.drift.waves import Sums

#: Rows that a category is expected to have in each set, or it goes together with other rare ones (Cochran 1954).
_EXPECTED = 5
#: Rows of the smaller set up to which Kolmogorov-Smirnov is exact, for of 2 or 3 rows its limit finds too much; and
#: those of the larger one up to which that takes no time.
_FEW, _MANY = 20, 20_000
#: Rows of each set from which means of waves are about normal; parts of the largest variance below which one is flat.
_ENOUGH, _FLAT = 50, 0.1


def distributions(one: Ints, two: Ints, apart: float = 1.0) -> tuple[float, float]:
    """Compare numbers: Kolmogorov-Smirnov, by the distribution functions at the bins' edges.

    In bins the largest distance is found a little smaller than among the numbers themselves, so the p-value is on the
    safe side; of numbers in few different values more so.

    Parameters
    ----------
    one, two : ndarray of int64, shape (bins,)
        Rows of each set in each bin; neither set is empty.
    apart : float
        Share of rows that don't overlap.

    Returns
    -------
    float
        The largest distance between the two distribution functions: 0 to 1, 0 where they are alike.
    float
        p-value: exact where one set has at most 20 rows, else of the limiting distribution with the effective number of
        rows ``apart n m / (n + m)`` in its place.

    Notes
    -----
    Source: Smirnov 1939; Hodges 1958 for the exact distribution, Simard & L'Ecuyer 2011 for the other.
    """
    from scipy.stats import ks_2samp, kstwo

    n, m = one.sum(), two.sum()
    if apart == 1 and min(n, m) <= _FEW and max(n, m) <= _MANY:
        places = np.arange(len(one))
        found = ks_2samp(np.repeat(places, one), np.repeat(places, two), method="exact")
        return float(found.statistic), float(found.pvalue)
    distance = float(np.abs(one.cumsum() / n - two.cumsum() / m).max())
    return distance, float(kstwo.sf(distance, max(1, round(apart * n * m / (n + m)))))


def categories(one: Ints, two: Ints) -> tuple[float, float]:
    """Compare categories: Pearson's chi-square, rare ones taken together; of two, one of them rare, Fisher's test.

    Parameters
    ----------
    one, two : ndarray of int64, shape (categories,)
        Rows of each set in each category; neither set is empty.

    Returns
    -------
    float
        Total variation distance: the share of rows that would have to change their category, 0 to 1.
    float
        p-value; 1 where there is one category alone.
    """
    from scipy.stats import chi2_contingency, fisher_exact

    distance = float(np.abs(one / one.sum() - two / two.sum()).sum() / 2)
    table = np.stack([one, two])[:, one + two > 0]
    rare = _rare(table)
    if rare.sum() > 1:
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    if table.shape[1] < 2:
        return distance, 1.0
    exact = table.shape[1] == 2 and _rare(table).any()
    found = fisher_exact(table) if exact else chi2_contingency(table, correction=False)
    return distance, min(1.0, float(found.pvalue))


def _rare(table: Ints) -> NDArray[np.bool_]:
    """Tell which categories are expected in few rows of the smaller set."""
    both = table.sum(axis=0)
    few: NDArray[np.bool_] = both * table.sum(axis=1).min() / both.sum() < _EXPECTED
    return few


def more_often(before: tuple[int, int], now: tuple[int, int], apart: float = 1.0) -> float:
    """Tell whether something happens more often than before: Fisher's exact test, one-sided.

    Parameters
    ----------
    before, now : tuple of int and int
        Rows that it happened to, and all rows.
    apart : float
        Share of rows that don't overlap.
    """
    from scipy.stats import hypergeom

    had, rows, has, batch = (floor(apart * count) for count in (*before, *now))
    return float(hypergeom.sf(has - 1, rows + batch, batch, had + has))


def more_alarms(above: int, calibration: int, alarms: int, rows: int, apart: float = 1.0) -> float:
    """Tell whether more rows raise an alarm than the threshold promises.

    The threshold is one of the calibration scores, so the rate that it truly has is spread about the promised one, by a
    beta distribution, and alarms among new rows are beta-binomial. With many calibration rows that is the exact
    binomial test against the promised rate.

    Parameters
    ----------
    above, calibration : int
        Calibration scores above the threshold, and all of them.
    alarms, rows : int
        Of the batch.
    apart : float
        Share of rows that don't overlap.

    Notes
    -----
    Source: Vovk 2012, "Conditional validity of inductive conformal predictors", proposition 2.
    """
    from scipy.stats import hypergeom

    above, calibration, alarms, rows = (floor(apart * count) for count in (above, calibration, alarms, rows))
    # at least k alarms: of all scores together, the k + above highest hold at least k new ones
    return float(hypergeom.sf(alarms - 1, calibration + rows, rows, alarms + above))


def codes(one: Sums, two: Sums, apart: float = 1.0) -> tuple[float, float]:
    """Compare codes in all that they may differ in: Hotelling's test of the means of waves through them.

    Parameters
    ----------
    one, two : Sums
        Of at least a row each.
    apart : float
        Share of rows that don't overlap.

    Returns
    -------
    float
        Squared maximum mean discrepancy, of a Gaussian kernel about as wide as the reference's codes are apart: 0 to 4.
    float
        p-value; 1 where rows are too few.

    Notes
    -----
    Source: Chwialkowski, Ramdas, Sejdinovic & Gretton 2015, section 3.1, with Hotelling's F in the place of the
    chi-square that it tends to.
    """
    from scipy.stats import f

    away = one.mean - two.mean
    waves = len(away) // 2
    discrepancy = float(away @ away / waves) if waves else 0.0
    rows = [apart * sums.rows for sums in (one, two)]
    if min(rows) < _ENOUGH:
        return discrepancy, 1.0
    inverse, rank = _inverse((one.scatter + two.scatter) / (one.rows + two.rows - 2))
    if not rank:
        return discrepancy, 1.0
    free = sum(rows) - 2
    squared = float(away @ inverse @ away) * rows[0] * rows[1] / sum(rows)
    return discrepancy, float(f.sf(squared * (free - rank + 1) / (free * rank), rank, free - rank + 1))


def _inverse(covariance: Floats) -> tuple[Floats, int]:
    """Invert a covariance where there is much of it; give the dimensions that are left.

    Waves through few units nearly depend on each other. Along what is left of them a few rows are all that varies, so
    means of it are far from normal.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(1e-9, _FLAT * values.max(initial=0))
    inverse: Floats = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return inverse, int(kept.sum())


def holm(p_values: Floats) -> Floats:
    """Adjust p-values of many tests, of shape (tests,).

    To reject those up to alpha is to reject any true hypothesis with a probability of at most alpha, however the tests
    depend on each other.

    Notes
    -----
    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted
