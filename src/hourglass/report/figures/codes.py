"""What codes and their entries look like over rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from hourglass.report.figures.drawing import (
    COLOURS,
    CURVE_POINTS,
    Array,
    class_colour,
    in_percent,
    new_figure,
    shorten,
    svg,
    thin,
)

_MAX_BARS = 64
#: Letters of a class's name on a map.
_LETTERS = 16
#: Classes that are named on a map, which more would cover.
_MOST_NAMES = 20
_MEDOID_ROWS = 300


def latent_map(
    layout: Array, label: Array, classes: Sequence[str], anomalous: Sequence[str], points: int, *, name: str, aria: str
) -> Markup:
    """Draw codes in the plane: a colour for each normal class, named at its median; anomalies as crosses."""
    figure, axes = new_figure(300, left=8, bottom=8)
    chosen = thin(len(layout), points)
    layout, label = layout[chosen], label[chosen]
    normal = [place for place, one in enumerate(classes) if one not in anomalous]
    dot: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 3.2, "mew": 0, "alpha": 0.75}
    unlabelled = label < 0
    if unlabelled.any():
        axes.plot(*layout[unlabelled].T, color=COLOURS["normal"], **dot)
    for place, code in enumerate(normal):
        axes.plot(*layout[label == code].T, color=COLOURS[class_colour(place)], **dot)
    odd = np.isin(label, [place for place, one in enumerate(classes) if one in anomalous])
    axes.plot(*layout[odd].T, ls="none", marker="x", ms=4.5, mew=1.1, color=COLOURS["anomaly"])
    if 1 < len(normal) <= _MOST_NAMES:
        for code in normal:
            _name_class(axes, layout[label == code], classes[code])
    axes.set_axis_off()
    axes.margins(0.03)
    return svg(figure, name, aria)


def _name_class(axes: Axes, layout: Array, text: str) -> None:
    if not len(layout):
        return
    axes.annotate(
        shorten(text, _LETTERS),
        tuple(_medoid(layout)),
        ha="center",
        va="center",
        fontsize=13,
        fontweight="bold",
        color=COLOURS["ink"],
    )


def _medoid(layout: Array) -> Array:
    """Find the row in the midst of others: unlike a mean or a median it lies among them also where they fall apart."""
    some = layout[thin(len(layout), _MEDOID_ROWS)]
    medoid: Array = some[np.linalg.norm(some[:, None] - some[None], axis=2).sum(axis=1).argmin()]
    return medoid


def bars(values: Sequence[float], *, name: str, label: str, x_label: str, y_label: str) -> Markup:
    """Draw values as bars, the largest first."""
    figure, axes = new_figure(176, left=40)
    ordered = sorted(values, reverse=True)[:_MAX_BARS]
    axes.bar(range(1, len(ordered) + 1), ordered, color=COLOURS["normal"], width=0.72)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set(xlabel=x_label, ylabel=y_label)
    return svg(figure, name, label)


def ranked(series: Sequence[Array], even: float, *, name: str, label: str, x_label: str, y_label: str) -> Markup:
    """Draw many values from the largest to the least, a line for each series, and dotted what each would be if even."""
    figure, axes = new_figure(176, left=60)
    for values, colour in zip(series, ("normal", "class-1"), strict=False):
        ordered = np.sort(values)[::-1]
        shown = thin(len(ordered), CURVE_POINTS)
        axes.fill_between(shown + 1, ordered[shown], color=COLOURS[colour], alpha=0.2, lw=0)
        axes.plot(shown + 1, ordered[shown], color=COLOURS[colour], lw=1.5)
    axes.axhline(even, color=COLOURS["muted"], lw=1.0, ls=":")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    in_percent(axes.yaxis)
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(1, max(map(len, series)) + 1e-9))
    axes.set_ylim(bottom=0)
    return svg(figure, name, label)


def counts(values: Array, *, name: str, label: str, x_label: str) -> Markup:
    """Draw how whole numbers are distributed over rows."""
    figure, axes = new_figure(176, left=66)
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // _MAX_BARS))
    edges = np.arange(low, high + width + 1, width) - 0.5
    axes.stairs(np.histogram(values, edges)[0] / len(values), edges, fill=True, color=COLOURS["normal"], alpha=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    in_percent(axes.yaxis)
    axes.set(xlabel=x_label, ylabel="share of rows")
    return svg(figure, name, label)


def quantiles(expected: Array, found: Array, *, name: str, label: str) -> Markup:
    """Draw quantiles against those expected, a line for each column of `found`; on the diagonal they agree."""
    figure, axes = new_figure(200)
    ends = [min(expected.min(), found.min()), max(expected.max(), found.max())]
    axes.plot(ends, ends, color=COLOURS["ink"], lw=1.0, ls=":")
    segments = [np.stack([expected, column], axis=1) for column in found.T]
    axes.add_collection(LineCollection(segments, colors=COLOURS["normal"], linewidths=1.2, alpha=0.6))
    axes.set(xlabel="quantile of the prior", ylabel="quantile of a unit's codes")
    return svg(figure, name, label)


def bounds(draws: Sequence[int], values: Sequence[float], errors: Sequence[float], *, name: str, label: str) -> Markup:
    """Draw bounds on log p(x) by the draws behind them, with two standard errors each way."""
    figure, axes = new_figure(176, left=60)
    bars = [2 * error for error in errors]
    axes.errorbar(draws, values, bars, fmt="-o", color=COLOURS["normal"], lw=1.5, ms=4, elinewidth=1)
    axes.set_xscale("log")
    axes.set(xlabel="draws of each row", ylabel="nats a row")
    return svg(figure, name, label)
