"""Rows made from the array that is known of each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.portrait.filtered import Found, Pair, filtered, measured
from hourglass.evaluation.portrait.linear import LinearMap
from hourglass.evaluation.portrait.rows import Rows, in_net_units
from hourglass.runtime import Model

_ROWS, _SHOWN = 256, 8


def translation(model: Model, rows: Rows, tuning: Rows, train: Rows) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Make rows from what is known of them, without noise, and hold them against the rows that go with it.

    Parameters
    ----------
    model : Model
        Is told an array of each row.
    rows, tuning : Rows
        Held out: those that are measured, and those that the filters' and the linear map's strengths are chosen on.
    train : Rows
        Which the linear map is fitted to.

    Returns
    -------
    dict
        ``known``, the array's name; ``mse``, the mean squared error; ``mean_mse``, that of the rows' own mean;
        ``rivals``, a list with ``name``, ``strength`` and what `nearness` says of the mean row; of the array as it is
        and by classic filters, where it has the rows' shape; of a linear map of it; and of the model.
    dict of str to ndarray
        ``translation_made`` and ``translation_real`` of shape (rows, *shape).
    """
    assert model.conditioning is not None  # noqa: S101
    some, others = (of.take(slice(_ROWS)) for of in (rows, tuning))
    made, real = (in_net_units(model, raw) for raw in (model.translate(some.raw), some.raw))
    told = model.conditioning.encode(some.raw)[0][:, :-1]
    mean = np.broadcast_to(real.mean(axis=0), real.shape)
    found: list[Found] = [("mean row", None, mean)]
    if model.conditioning.known_shape == real.shape[1:]:
        given = _as_row(model, told)
        found += [("as it is", None, given), *filtered(_alike(model, others), given)]
    pairs = [_pair(model, of) for of in (train, others)]
    if all(len(x) > 1 for x, _ in pairs):
        fitted = LinearMap.tuned(*pairs)
        found.append(("linear map", fitted.strength, fitted(told.astype(np.float64)).reshape(real.shape)))
    found.append(("model", None, made))
    facts = {
        "known": model.conditioning.names[0],
        "mse": _error(made, real),
        "mean_mse": _error(mean, real),
        "rivals": measured(real, found),
    }
    return facts, {"translation_made": made[:_SHOWN], "translation_real": real[:_SHOWN]}


def _error(one: NDArray[Any], real: NDArray[Any]) -> float:
    return float(np.square(one - real, dtype=np.float64).mean())


def _as_row(model: Model, told: NDArray[Any]) -> NDArray[Any]:
    """Bring what is known, of the rows' shape, into the units in which nets see rows."""
    assert model.conditioning is not None  # noqa: S101
    return model.normaliser(model.conditioning.normaliser.inverse(told.reshape(-1, *model.conditioning.known_shape)))


def _alike(model: Model, rows: Rows) -> Pair:
    """Give rows, and what is known of them as if it were the rows; see `_pair`."""
    told, real = _pair(model, rows)
    given = _as_row(model, told)
    return real.reshape(given.shape), given


def _pair(model: Model, rows: Rows) -> Pair:
    """Give the array that is known of rows, and the rows, flat and in the nets' units, where it is known."""
    assert model.conditioning is not None  # noqa: S101
    told, known = model.conditioning.encode(rows.raw)
    x = in_net_units(model, rows.raw)
    return told[known, :-1].astype(np.float64), x[known].reshape(-1, x[0].size).astype(np.float64)
