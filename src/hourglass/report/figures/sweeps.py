"""What the trials of a sweep came to."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from hourglass.report.figures.drawing import COLOURS, Array, new_figure, plain, svg, take_logarithms

#: Share of a sweep's trials that its pictures show, the best first.
_SHOWN_TRIALS = 0.9


def trials(values: Array, best: Array, *, name: str, label: str, y_label: str) -> Markup:
    """Draw what trials came to, one after the other, and the best so far; NaN, nothing, is a tick at the bottom."""
    figure, axes = new_figure()
    axes.plot(values, "o", ms=4, mew=0, color=COLOURS["normal"], alpha=0.6)
    axes.step(np.arange(len(best)), best, where="post", color=COLOURS["ink"], lw=1.2)
    nothing = np.flatnonzero(np.isnan(values))
    bottom = axes.get_xaxis_transform()
    axes.plot(nothing, np.full(len(nothing), 0.02), "|", ms=6, color=COLOURS["anomaly"], transform=bottom)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set(xlabel="trial", ylabel=y_label, xlim=(-0.5, len(values) - 0.5), ylim=_most(values, best[-1]))
    return svg(figure, name, label)


def slices(
    x: Array, values: Array, ticks: Sequence[str] | None, *, logarithmic: bool, best: float, **words: str
) -> Markup:
    """Draw what trials came to over the values of one setting: numbers, or the places of `ticks`.

    The words are ``name``, ``label``, ``x_label`` and ``y_label``.
    """
    figure, axes = new_figure()
    axes.plot(x, values, "o", ms=4, mew=0, color=COLOURS["normal"], alpha=0.6)
    if logarithmic:
        take_logarithms(axes, "x", subs=(1, 3), most=6)
    if ticks is not None:
        axes.set_xticks(range(len(ticks)), [plain(tick) for tick in ticks])
        axes.set_xlim(-0.5, len(ticks) - 0.5)
    axes.set(xlabel=words["x_label"], ylabel=words["y_label"], ylim=_most(values, best))
    return svg(figure, words["name"], words["label"])


def _most(values: Array, best: float) -> tuple[float, float]:
    """Choose a scale from the best on that leaves out the worst tenth: one bad training would flatten all others."""
    distances = values[~np.isnan(values)] - best
    far = float(np.quantile(np.abs(distances), _SHOWN_TRIALS)) or 1.0
    low, high = (best, best + far) if distances.sum() >= 0 else (best - far, best)
    return low - 0.06 * far, high + 0.06 * far
