"""A column's values in the reference and in a batch."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from hourglass.report.figures.drawing import COLOURS, Array, in_percent, new_figure, shorten, svg

#: Categories in a picture, and letters of a name beside it.
_MOST_CATEGORIES, _LETTERS = 8, 14


def distributions(edges: Array, before: Array, now: Array, *, name: str, label: str) -> Markup:
    """Draw two distribution functions of numbers that are counted between edges: the reference's dashed."""
    figure, axes = new_figure(176, left=60)
    if len(edges):
        for bins, colour, style in ((before, "train", "--"), (now, "normal", "-")):
            shares = bins.cumsum()[:-1] / max(1, bins.sum())
            axes.step(edges, shares, style, where="post", color=COLOURS[colour], lw=1.6)
    else:
        axes.set_xticks([])
    in_percent(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set(xlabel="value", ylabel="share at most", ylim=(0, 1.02))
    return svg(figure, name, label)


def shares(names: Sequence[str], before: Array, now: Array, *, name: str, label: str) -> Markup:
    """Draw the shares of categories in two sets, those that changed most where there are many."""
    figure, axes = new_figure(176, left=96)
    pair = np.stack([before / max(1, before.sum()), now / max(1, now.sum())])
    places = np.sort(np.argsort(-np.abs(pair[1] - pair[0]), kind="stable")[:_MOST_CATEGORIES])[::-1]
    for shift, side, colour in ((0.2, pair[0], "train"), (-0.2, pair[1], "normal")):
        axes.barh(np.arange(len(places)) + shift, side[places], 0.38, color=COLOURS[colour], lw=0)
    axes.set_yticks(range(len(places)), [shorten(names[place], _LETTERS) for place in places])
    in_percent(axes.xaxis)
    axes.set(xlabel="share of rows")
    return svg(figure, name, label)
