"""Walks through the space of codes: along each unit, and from row to row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.latent import posterior
from hourglass.evaluation.portrait.rows import Rows, decode, in_net_units
from hourglass.runtime import Model

Arrays = dict[str, NDArray[Any]]

#: Units shown at most, steps of a walk along one, and the quantiles of its codes where the walk starts and ends.
_UNITS, _STEPS, _ENDS = 8, 7, (0.02, 0.98)
#: Units that are tried where the effect decides which are shown: those with the largest variance.
_CANDIDATES = 64
#: Pairs of rows, and steps between them, the ends included.
_PAIRS, _BETWEEN = 4, 8


def traversals(model: Model, rows: Rows, found: dict[str, NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
    """Decode codes along one unit at a time, the others as a typical row has them.

    Parameters
    ----------
    model : Model
    rows : Rows
        Held-out normal rows.
    found : dict of str to ndarray
        What the encoder says of them: ``"z"`` and, of a variational model, ``"logvar"``.

    Returns
    -------
    dict
        ``order``, what units are ordered by: ``kl`` (nats) of a variational model, else ``effect``, the root mean
        square of what the walk changes in the row, in the nets' units; ``units``, the numbers of those shown from 1 on;
        their ``effect`` and ``kl``; ``row``, the number of the typical row: that whose code is nearest to the mean.
    dict of str to ndarray
        ``traversal_x`` of shape (units, steps, *shape).
    """
    z = found["z"]
    typical = int(np.square(z - z.mean(axis=0)).sum(axis=1).argmin())
    ends = np.quantile(z, _ENDS, axis=0).astype(np.float32)
    kl = posterior(z, found["logvar"])["kl_per_unit"] if "logvar" in found else None
    candidates = _largest(z.var(axis=0), _CANDIDATES) if kl is None else _largest(kl, _UNITS)
    walks = np.stack([_along(z[typical], unit, ends[:, unit]) for unit in candidates])
    x = decode(model, walks.reshape(-1, model.latent), rows.take([typical])).reshape(
        *walks.shape[:2], *model.schema.shape
    )
    effect = np.sqrt(x.astype(np.float64).var(axis=1).reshape(len(x), -1).mean(axis=1))
    shown = np.arange(len(x)) if kl is not None else _largest(effect, _UNITS)
    units = candidates[shown]
    facts = {
        "order": "effect" if kl is None else "kl",
        "units": [int(unit) + 1 for unit in units],
        "effect": [float(value) for value in effect[shown]],
        "row": int(rows.index[typical]),
    }
    return facts | ({} if kl is None else {"kl": [kl[unit] for unit in units]}), {"traversal_x": x[shown]}


def interpolations(model: Model, rows: Rows) -> tuple[dict[str, Any], Arrays]:
    """Decode codes on the straight line between pairs of rows, of different classes where there are any.

    Parameters
    ----------
    model : Model
    rows : Rows
        At least two.

    Returns
    -------
    dict
        ``rows`` and ``labels``, the numbers and class codes of the two rows of each pair; ``evenness`` and ``detour``
        of `smoothness`.
    dict of str to ndarray
        ``interpolation_x`` of shape (pairs, steps, *shape), ``interpolation_ends`` of shape (pairs, 2, *shape): the
        rows themselves.
    """
    chosen = _pairs(rows.label)
    walks = [in_net_units(model, model.interpolate(rows.take(list(pair)).raw, steps=_BETWEEN)) for pair in chosen]
    ends = [in_net_units(model, rows.take(list(pair)).raw) for pair in chosen]
    facts = {
        name: [[int(values[place]) for place in pair] for pair in chosen]
        for name, values in (("rows", rows.index), ("labels", rows.label))
    }
    rows_between = np.stack(walks)
    return facts | smoothness(rows_between), {"interpolation_x": rows_between, "interpolation_ends": np.stack(ends)}


def smoothness(walks: NDArray[Any]) -> dict[str, float]:
    """Tell whether rows change in even steps on the way, and how straight the way is.

    Parameters
    ----------
    walks : ndarray of shape (walks, steps, *shape)

    Returns
    -------
    dict
        Means over walks: ``evenness``, the mean step by the largest (Euclidean), from 1 / steps, one leap, to 1;
        ``detour``, the sum of the steps by the distance of the ends, from 1, which is a cross-fade. Both are 1 where
        nothing changes.
    """
    flat = walks.reshape(*walks.shape[:2], -1).astype(np.float64)
    steps = np.linalg.norm(np.diff(flat, axis=1), axis=2)
    ends = np.linalg.norm(flat[:, -1] - flat[:, 0], axis=1)
    return {"evenness": _mean_ratio(steps.mean(axis=1), steps.max(axis=1)), "detour": _mean_ratio(steps.sum(1), ends)}


def _mean_ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    return float(np.divide(above, below, out=np.ones_like(above), where=below > 0).mean())


def _along(code: NDArray[np.float32], unit: int, ends: NDArray[np.float32]) -> NDArray[np.float32]:
    walk = np.repeat(code[None], _STEPS, axis=0)
    walk[:, unit] = np.linspace(ends[0], ends[1], _STEPS)
    return walk


def _largest(values: Any, most: int) -> NDArray[np.int64]:
    return np.argsort(-np.asarray(values), kind="stable")[:most]


def _pairs(label: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pair the first rows, each with the next that has another class, or else with the next."""
    left = list(range(len(label)))
    found: list[tuple[int, int]] = []
    while len(left) >= 2 and len(found) < _PAIRS:
        start = left.pop(0)
        end = next((place for place in left if label[place] != label[start]), left[0])
        left.remove(end)
        found.append((start, end))
    return found
