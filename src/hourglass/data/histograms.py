"""Histograms: how the values of a feature are spread, from its quantiles, and beside it how others are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.runtime.normaliser import LogCurve

Floats = NDArray[np.float64]

#: Levels of the quantiles that a histogram is made of; the height of a bar is off by about two of their steps.
LEVELS = np.linspace(0, 1, 401)
_BINS, _STEPS = 32, 40
#: Of whole numbers these many quantiles are whole; the others lie between two of them.
_MOSTLY = 0.9
#: Where few values would hide all others, bars end at these shares of the rows, and what lies beyond is counted.
_ENDS, _WIDEST = (0.005, 0.995), 4.0


def histogram(quantiles: Floats, others: Floats | None = None, *, logarithmic: bool = False) -> dict[str, Any]:
    """Make a histogram.

    Parameters
    ----------
    quantiles : ndarray of shape (401,)
        Of a feature, at `LEVELS`.
    others : ndarray, optional
        Values of other rows, which are counted in the same bars.
    logarithmic : bool
        Whether bars are equally wide in ``sign(x) log(1 + |x|)``.

    Returns
    -------
    dict
        ``edges`` of the bars; ``shares`` of the rows in each bar, and those ``below`` and ``above`` all bars; the same
        of the others in ``others``.
    """
    values = quantiles[1:]
    if _are_whole(quantiles):
        edges, values = np.arange(quantiles[0] - 0.5, quantiles[-1] + 1), values[values == np.rint(values)]
    elif logarithmic:
        curve = LogCurve()
        low, high = curve(quantiles[[0, -1]])
        edges = curve.inverse(np.linspace(low, high, _BINS + 1))
        edges[[0, -1]] = quantiles[[0, -1]]  # there and back may lose a last bit
    else:
        edges = _edges(quantiles)
    found = {"edges": [float(edge) for edge in edges], "logarithmic": logarithmic} | _shares(values, edges)
    return found if others is None or not len(others) else found | {"others": _shares(others, edges)}


def _are_whole(quantiles: Floats) -> bool:
    """Tell whether values are a few whole numbers, which get a bar each."""
    low, high = quantiles[0], quantiles[-1]
    whole = quantiles == np.rint(quantiles)
    return bool(high - low <= _STEPS and whole[[0, -1]].all() and whole.mean() > _MOSTLY)


def _edges(quantiles: Floats) -> Floats:
    low, high = quantiles[0], quantiles[-1]
    inner = np.interp(_ENDS, LEVELS, quantiles)
    if high - low > _WIDEST * (inner[1] - inner[0]) > 0:
        low, high = inner
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _shares(values: Floats, edges: Floats) -> dict[str, Any]:
    values = values[np.isfinite(values)]
    counts = np.histogram(values, edges)[0] / max(1, len(values))
    below, above = (
        float(np.mean(beyond)) if len(values) else 0.0 for beyond in (values < edges[0], values > edges[-1])
    )
    return {"shares": [round(float(share), 6) for share in counts], "below": round(below, 6), "above": round(above, 6)}
