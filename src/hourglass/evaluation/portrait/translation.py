"""Rows made from the array that is known of each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.portrait.rows import Rows, in_net_units
from hourglass.runtime import Model

_ROWS, _SHOWN = 256, 8


def translation(model: Model, rows: Rows) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Make rows from what is known of them, without noise, and hold them against the rows that go with it.

    Parameters
    ----------
    model : Model
        Is told an array of each row.
    rows : Rows
        Held out.

    Returns
    -------
    dict
        ``known``, the array's name; ``mse``, the mean squared error; ``mean_mse``, that of the rows' own mean.
    dict of str to ndarray
        ``translation_made`` and ``translation_real`` of shape (rows, *shape).
    """
    assert model.conditioning is not None  # noqa: S101
    some = rows.take(slice(_ROWS))
    made, real = (in_net_units(model, raw) for raw in (model.translate(some.raw), some.raw))
    errors = (np.square(one - real, dtype=np.float64).mean() for one in (made, real.mean(axis=0)))
    facts = {"known": model.conditioning.names[0], **dict(zip(("mse", "mean_mse"), map(float, errors), strict=True))}
    return facts, {"translation_made": made[:_SHOWN], "translation_real": real[:_SHOWN]}
