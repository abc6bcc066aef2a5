"""Whether each unit of a code stands for one factor that rows were made of.

Factors are known only of generated rows. They are integers, one column for each; codes are the encoder's means.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.float64]
Factors = NDArray[np.int64]

#: Bins of a unit, whose quantised values stand for it.
_BINS = 20
#: Units that vary less stand for nothing (Burda, Grosse & Salakhutdinov 2016).
_STILL = 0.01
#: Rows of a vote, votes that decide which unit means which factor, and votes that test it.
_VOTERS, _VOTES = 64, 800


def disentanglement(z: NDArray[Any], factors: Factors, *, categories: tuple[int, ...], seed: int) -> dict[str, float]:
    """Measure all three.

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
    factors : ndarray of int64, shape (rows, factors)
    categories : tuple of int
        Columns of `factors` without an order.
    seed : int
        Of the votes.

    Returns
    -------
    dict
        ``mig``, ``sap`` and ``factor_vae``.
    """
    codes = z.astype(np.float64)
    return {
        "mig": mig(codes, factors),
        "sap": sap(codes, factors, categories),
        "factor_vae": factor_vae(codes, factors, seed=seed),
    }


def mig(z: Codes, factors: Factors) -> float:
    """Mutual information gap: how much more the best unit knows of a factor than the second, by the factor's entropy.

    Mean over factors; 0 to 1, higher is better (Chen et al. 2018, "Isolating sources of disentanglement", equation 6).
    Units are cut into twenty bins of equal width, as Locatello et al. 2019 do.
    """
    gaps: list[float] = []
    binned = np.stack([_binned(unit) for unit in z.T])
    for factor in factors.T:
        best, second, *_ = sorted([*(_information(unit, factor) for unit in binned), 0.0], reverse=True)
        gaps.append((best - second) / _entropy(np.bincount(factor)))
    return float(np.mean(gaps))


def sap(z: Codes, factors: Factors, categories: tuple[int, ...] = ()) -> float:
    """Separated attribute predictability: how much better the best unit predicts a factor than the second.

    Mean over factors; 0 to 1, higher is better (Kumar, Sattigeri & Balakrishnan 2018, section 3). A factor with an
    order is predicted by a line, whose score is the squared correlation; one of categories by the nearest of the
    categories' means, whose score is the accuracy, balanced.
    """
    gaps: list[float] = []
    for place, factor in enumerate(factors.T):
        score = _accuracy if place in categories else _squared_correlation
        best, second, *_ = sorted([*(score(unit, factor) for unit in z.T), 0.0], reverse=True)
        gaps.append(best - second)
    return float(np.mean(gaps))


def factor_vae(z: Codes, factors: Factors, *, seed: int) -> float:
    """Accuracy of telling a factor by the unit that varies least among rows that share the factor's value.

    Which unit means which factor is decided by 800 votes and tested by 800 others, each of 64 rows; 1 / factors is
    chance, 1 is best (Kim & Mnih 2018, "Disentangling by factorising", section 4). Units that vary over no rows take no
    part; where none does, it is chance.
    """
    spread = z.var(0)
    moving = np.flatnonzero(spread > _STILL)
    if not len(moving):
        return 1 / len(factors.T)
    draw = np.random.default_rng(seed)
    scaled = z[:, moving] / np.sqrt(spread[moving])
    train, test = (_votes(scaled, factors, draw) for _ in range(2))
    meaning = train.argmax(axis=1)
    return float(test[np.arange(len(meaning)), meaning].sum() / test.sum())


def _votes(scaled: Codes, factors: Factors, draw: np.random.Generator) -> NDArray[np.int64]:
    """Count which unit varied least when which factor was held: shape (units, factors)."""
    rows_of = [[np.flatnonzero(factor == value) for value in np.unique(factor)] for factor in factors.T]
    votes = np.zeros((scaled.shape[1], factors.shape[1]), np.int64)
    for _ in range(_VOTES):
        factor = draw.integers(factors.shape[1])
        alike = rows_of[factor][draw.integers(len(rows_of[factor]))]
        chosen = scaled[draw.choice(alike, _VOTERS)]
        votes[chosen.var(0).argmin(), factor] += 1
    return votes


def _binned(unit: Codes) -> NDArray[np.int64]:
    edges = np.linspace(unit.min(), unit.max(), _BINS + 1)[1:-1]
    return np.searchsorted(edges, unit, side="right")


def _entropy(counts: NDArray[Any]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _information(unit: NDArray[np.int64], factor: Factors) -> float:
    joint = np.zeros((_BINS, factor.max() + 1))
    np.add.at(joint, (unit, factor), 1)
    return _entropy(joint.sum(1)) + _entropy(joint.sum(0)) - _entropy(joint.ravel())


def _squared_correlation(unit: Codes, factor: Factors) -> float:
    if unit.std() == 0:
        return 0.0
    return float(np.corrcoef(unit, factor)[0, 1] ** 2)


def _accuracy(unit: Codes, factor: Factors) -> float:
    values = np.unique(factor)
    means = np.array([unit[factor == value].mean() for value in values])
    told = values[np.abs(unit[:, None] - means).argmin(axis=1)]
    return float(np.mean([(told[factor == value] == value).mean() for value in values]))
