"""Whether drawn rows look like held-out rows, and whether they cover them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances

#: Neighbours that make the surroundings of a row (Naeem et al. 2020, section 5).
NEIGHBOURS = 5
#: Rows that are compared, at most, and sets of so many samples that are.
ROWS, SETS = 1000, 3
#: Share of what training rows cover below which samples miss modes.
LEAST_COVERAGE = 0.5


def compare(held_out: NDArray[Any], sampled: Sequence[NDArray[Any]], train: NDArray[Any]) -> dict[str, Any]:
    """Measure samples against held-out rows, and beside them as many training rows, which is what can be reached.

    Parameters
    ----------
    held_out, train : ndarray of shape (rows, *shape)
        As many of each, in the net's units.
    sampled : sequence of ndarray
        Sets of as many samples.

    Returns
    -------
    dict
        ``rows``; what `closeness` gives of ``train``, and of ``samples`` `over_sets`; empty for too few rows.
    """
    if len(held_out) <= NEIGHBOURS:
        return {}
    return {
        "rows": len(held_out),
        "samples": over_sets([closeness(held_out, one) for one in sampled]),
        "train": closeness(held_out, train),
    }


def over_sets(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Give the mean of each measure over sets of samples, and as ``NAME_sd`` their standard deviation (with n - 1)."""
    spread: dict[str, float] = {}
    for name in found[0]:
        values = [one[name] for one in found]
        spread |= {
            name: float(np.mean(values)),
            f"{name}_sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        }
    return spread


def closeness(rows: NDArray[Any], others: NDArray[Any]) -> dict[str, float]:
    """Compare a set of rows with another by the balls that reach to each row's fifth neighbour in its own set.

    Rows that recur count as one neighbour, else their balls would have no size.

    Parameters
    ----------
    rows : ndarray of shape (rows, *shape)
        Real ones.
    others : ndarray of shape (others, *shape)
        What is judged.

    Returns
    -------
    dict
        ``density``, how many real balls an other lies in, by five, from 0: about 1 where both have one distribution,
        more where rows recur; ``coverage``, the share of real balls with an other inside (Naeem et al. 2020, "Reliable
        fidelity and diversity metrics for generative models", equations 5 and 6); ``precision`` and ``recall``, the
        share of others in some real ball, and of real rows in some ball of the others (Kynkäänniemi et al. 2019,
        "Improved precision and recall metric for assessing generative models", equations 1 and 2). Shares go from 0
        to 1. Higher is better.
    """
    real, other = (part.reshape(len(part), -1).astype(np.float64) for part in (rows, others))
    distances = euclidean_distances(real, other)
    in_real = distances <= _radii(real)[:, None]
    in_other = distances <= _radii(other)
    return {
        "density": float(in_real.sum() / (NEIGHBOURS * len(other))),
        "coverage": float(in_real.any(1).mean()),
        "precision": float(in_real.any(0).mean()),
        "recall": float(in_other.any(1).mean()),
    }


def alarms(found: dict[str, Any]) -> list[str]:
    """Tell of samples that leave out much of the data; a model that only judges rows needs none.

    Parameters
    ----------
    found : dict
        As `compare` gives it.
    """
    if not found:
        return []
    covered, reachable = found["samples"]["coverage"], found["train"]["coverage"]
    if covered >= LEAST_COVERAGE * reachable:
        return []
    told = (
        f"mode collapse: samples cover {100 * covered:.0f} % of the held-out rows, training rows cover "
        f"{100 * reachable:.0f} %; don't draw from this model: train it longer, give a variational one free_bits or a "
        "lower beta, or pull codes to the prior harder (adversarial.deception, wae.penalty)"
    )
    return [told]


def _radii(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each row's distance to its fifth neighbour, equal ones taken for one: shape (rows,)."""
    distinct = sorted({row.tobytes(): place for place, row in enumerate(rows)}.values())
    fifth = min(NEIGHBOURS, len(distinct) - 1)
    radii: NDArray[np.float64] = np.partition(euclidean_distances(rows)[:, distinct], fifth, axis=1)[:, fifth]
    return radii
