"""Rows made from the array that is known of each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.portrait.filtered import nearness
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
        Held out: those that are measured, and those that the linear map's penalty is chosen on.
    train : Rows
        Which the linear map is fitted to.

    Returns
    -------
    dict
        ``known``, the array's name; ``mse``, the mean squared error; ``mean_mse``, that of the rows' own mean;
        ``rivals``, a list with ``name``, ``strength`` and what `nearness` says of the mean row, of the array as it is
        (where it has the rows' shape), of a linear map of it, and of the model.
    dict of str to ndarray
        ``translation_made`` and ``translation_real`` of shape (rows, *shape).
    """
    assert model.conditioning is not None  # noqa: S101
    some = rows.take(slice(_ROWS))
    made, real = (in_net_units(model, raw) for raw in (model.translate(some.raw), some.raw))
    mean = np.broadcast_to(real.mean(axis=0), real.shape)
    found: dict[str, NDArray[Any]] = {"mean row": mean}
    told = model.conditioning.encode(some.raw)[0][:, :-1]
    if model.conditioning.known_shape == real.shape[1:]:
        found["as it is"] = model.normaliser(model.conditioning.normaliser.inverse(told.reshape(real.shape)))
    strengths = {}
    pairs = [_pair(model, of) for of in (train, tuning.take(slice(_ROWS)))]
    if all(len(x) > 1 for x, _ in pairs):
        fitted = LinearMap.tuned(*pairs)
        strengths["linear map"] = fitted.strength
        found["linear map"] = fitted(told.astype(np.float64)).reshape(real.shape)
    found["model"] = made
    errors = {name: float(np.square(one - real, dtype=np.float64).mean()) for name, one in found.items()}
    facts = {
        "known": model.conditioning.names[0],
        "mse": errors["model"],
        "mean_mse": errors["mean row"],
        "rivals": [
            {"name": name, "strength": strengths.get(name), **nearness(real, one)} for name, one in found.items()
        ],
    }
    return facts, {"translation_made": made[:_SHOWN], "translation_real": real[:_SHOWN]}


def _pair(model: Model, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the array that is known of rows, and the rows, flat and in the nets' units, where it is known."""
    assert model.conditioning is not None  # noqa: S101
    told, known = model.conditioning.encode(rows.raw)
    x = in_net_units(model, rows.raw)
    return told[known, :-1].astype(np.float64), x[known].reshape(-1, x[0].size).astype(np.float64)
