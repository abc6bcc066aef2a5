"""How a training went, and which width of the code it chose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from hourglass.report.figures.drawing import COLOURS, CURVE_POINTS, new_figure, svg, take_logarithms, thin

#: Share of the epochs that may run out of the picture where a term has no logarithm.
_FIRST_EPOCHS = 0.05


def curves(epochs: list[dict[str, Any]], term: str, best_epoch: int, *, name: str, label: str) -> Markup:
    """Draw a term of the loss over the epochs, where it is measured: on train, validation or both; mark the best."""
    figure, axes = new_figure()
    shown = [epochs[place] for place in thin(len(epochs), CURVE_POINTS)]
    x = [record["epoch"] for record in shown]
    for split, colour, style in (("train", "train", "--"), ("validation", "normal", "-")):
        if term in epochs[0][split]:
            axes.plot(x, [record[split][term] for record in shown], style, color=COLOURS[colour], lw=1.5)
    first, last = epochs[0]["epoch"] - 1, epochs[-1]["epoch"]
    best = epochs[best_epoch - first - 1]["validation"].get(term)
    _scale_losses(axes, epochs, term)
    axes.axvline(best_epoch, color=COLOURS["muted"], lw=0.8, ls=":")
    if best is not None:
        mark: dict[str, Any] = {
            "color": COLOURS["normal"],
            "mec": COLOURS["surface"],
            "mew": 1.2,
            "clip_on": False,
        }
        axes.plot([best_epoch], [best], "o", ms=6, **mark)
    axes.set_xlabel("epoch")
    axes.set_xlim(first, last)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return svg(figure, name, label)


def _scale_losses(axes: Axes, epochs: list[dict[str, Any]], term: str) -> None:
    """Take logarithms where a term has them; otherwise let the first epochs run out of the picture."""
    splits = [split for split in ("train", "validation") if term in epochs[0][split]]
    values = np.array([[record[split][term] for split in splits] for record in epochs])
    if term == "reconstruction" and (values > 0).all() and values.max() > 10 * values.min():
        take_logarithms(axes, "y")
        return
    later = values[int(_FIRST_EPOCHS * len(values)) :] if term == "reconstruction" else values
    low, high = later.min(), later.max()
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def widths(tried: Sequence[dict[str, Any]], chosen: int, *, name: str, label: str) -> Markup:
    """Draw the held-out error by the width of the code, with two standard errors each way; mark the chosen width."""
    figure, axes = new_figure()
    x, error = [one["latent"] for one in tried], [one["error"] for one in tried]
    bars = [2 * one["error_se"] for one in tried]
    axes.errorbar(x, error, bars, fmt="-o", color=COLOURS["normal"], lw=1.5, ms=4, elinewidth=1)
    axes.axvline(chosen, color=COLOURS["muted"], lw=0.8, ls=":")
    best = error[x.index(chosen)]
    axes.plot([chosen], [best], "o", ms=8, color=COLOURS["normal"], mec=COLOURS["surface"], mew=1.4)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(x))
    axes.xaxis.set_major_formatter(lambda width, _: f"{width:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set(xlabel="width of the code (latent)", ylabel="mean squared error")
    return svg(figure, name, label)
