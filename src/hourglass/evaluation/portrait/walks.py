"""Walks through the space of codes: along each unit, and from row to row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.generation import over_sets
from hourglass.evaluation.latent import posterior
from hourglass.evaluation.portrait.rows import Rows, decode, in_net_units
from hourglass.runtime import Model

Arrays = dict[str, NDArray[Any]]

#: Units shown at most, steps of a walk along one, and the quantiles of its codes where the walk starts and ends.
_UNITS, _STEPS, _ENDS = 8, 7, (0.02, 0.98)
#: Units that are tried where the effect decides which are shown: those with the largest variance.
_CANDIDATES = 64
#: Pairs of rows that ways between are measured of and shown of, at most, and steps between them, the ends included.
_MEASURED, _PAIRS, _BETWEEN = 16, 4, 8


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
        square of what the walk changes in the row, in the nets' units, from 0, which is a unit that says nothing;
        ``units``, the numbers of those shown from 1 on; their ``effect`` and ``kl``; ``row``, the number of the typical
        row: that whose code is nearest to the mean.
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
        ``evenness`` and ``detour`` of `smoothness`, means over so many ``pairs``, and of several as ``NAME_sd`` their
        standard deviations; of the pairs shown the numbers (``rows``) and class codes (``labels``) of both rows.
    dict of str to ndarray
        ``interpolation_x`` of shape (shown, steps, *shape), ``interpolation_ends`` of shape (shown, 2, *shape): the
        rows themselves.
    """
    chosen = _pairs(rows.label)
    shown, found = chosen[:_PAIRS], []
    walks: list[NDArray[Any]] = []
    for number, pair in enumerate(chosen):
        walk = in_net_units(model, model.interpolate(rows.take(list(pair)).raw, steps=_BETWEEN))
        found.append(smoothness(walk))
        walks += [walk] * (number < _PAIRS)  # others may be large
    ends = [in_net_units(model, rows.take(list(pair)).raw) for pair in shown]
    facts: dict[str, Any] = {
        name: [[int(values[place]) for place in pair] for pair in shown]
        for name, values in (("rows", rows.index), ("labels", rows.label))
    }
    facts |= {"pairs": len(chosen)} | (over_sets(found) if len(found) > 1 else found[0])
    return facts, {"interpolation_x": np.stack(walks), "interpolation_ends": np.stack(ends)}


def smoothness(walk: NDArray[Any]) -> dict[str, float]:
    """Tell whether a row changes in even steps on the way, and how straight the way is.

    Of the Euclidean lengths s of the steps, and the distance d of the ends. Both are plain ratios of lengths, without
    a paper: the second is what geographers call sinuosity.

    Parameters
    ----------
    walk : ndarray of shape (steps + 1, *shape)

    Returns
    -------
    dict
        ``evenness``, ``mean(s) / max(s)``: from 1 / steps, one leap, to 1, higher is smoother. ``detour``, ``sum(s) /
        d``: from 1, a cross-fade, without upper end; neither end is best, for rows halfway of a cross-fade aren't real.
        Both are 1 where nothing changes.
    """
    flat = walk.reshape(len(walk), -1).astype(np.float64)
    steps = np.linalg.norm(np.diff(flat, axis=0), axis=1)
    return {
        "evenness": _ratio(steps.mean(), steps.max()),
        "detour": _ratio(steps.sum(), np.linalg.norm(flat[-1] - flat[0])),
    }


def _ratio(above: Any, below: Any) -> float:
    return float(above / below) if below > 0 else 1.0


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
    while len(left) >= 2 and len(found) < _MEASURED:
        start = left.pop(0)
        end = next((place for place in left if label[place] != label[start]), left[0])
        left.remove(end)
        found.append((start, end))
    return found
