"""What is found of anomalies, and how scores are distributed."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hourglass.report.figures.drawing import (
    COLOURS,
    CURVE_POINTS,
    TEXT,
    Array,
    in_percent,
    new_figure,
    svg,
    take_logarithms,
)

_BINS = 36
#: Ratios of the ends of an axis up to which a decade has three ticks, and two.
_FEW_DECADES = (110, 2000)


def roc(
    points: list[list[float]], band: list[list[float]], operating: tuple[float, float], *, name: str, label: str
) -> Markup:
    """Draw the ROC curve with its band, the line of chance and the point at the threshold."""
    figure, axes = new_figure()
    _shade(axes, band)
    x, y = zip(*points, strict=True)
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], lw=0.8, ls=":")
    axes.plot(x, y, color=COLOURS["normal"], lw=1.8)
    axes.plot(*operating, "o", ms=8, color=COLOURS["anomaly"], mec=COLOURS["surface"], mew=1.4, clip_on=False)
    below = operating[1] > 0.2
    axes.annotate(
        "threshold",
        operating,
        (9, -7 if below else 7),
        textcoords="offset points",
        va="top" if below else "bottom",
        color=COLOURS["ink"],
        fontsize=TEXT,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false-alarm rate", ylabel="detection rate")
    return svg(figure, name, label)


def precision_recall(
    points: list[list[float]], band: list[list[float]], chance: float, *, name: str, label: str
) -> Markup:
    """Draw precision over recall with its band, and the precision of chance."""
    figure, axes = new_figure()
    _shade(axes, band)
    axes.axhline(chance, color=COLOURS["muted"], lw=0.8, ls=":")
    axes.plot(*zip(*points, strict=True), color=COLOURS["normal"], lw=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    return svg(figure, name, label)


def _shade(axes: Axes, band: list[list[float]]) -> None:
    x, low, high = zip(*band, strict=True)
    axes.fill_between(x, low, high, color=COLOURS["normal"], alpha=0.14, lw=0)


def scores(values: Array, anomaly: Array, threshold: float, *, name: str, label: str) -> Markup:
    """Draw how scores are distributed, normal rows above the axis and anomalies on the same axis beside them."""
    figure, axes = new_figure(left=66)
    everything = np.append(values, threshold)
    logarithmic = everything.min() > 0 and everything.max() > 10 * everything.min()
    spread = np.geomspace if logarithmic else np.linspace
    low, high = everything.min(), everything.max()
    bins = spread(low, high if high > low else low + 1, _BINS + 1)
    for flag, colour in ((False, "normal"), (True, "anomaly")):
        chosen = values[anomaly == flag]
        if len(chosen):
            shares = np.histogram(chosen, bins)[0] / len(chosen)
            axes.stairs(shares, bins, fill=True, color=COLOURS[colour], alpha=0.28)
            axes.stairs(shares, bins, color=COLOURS[colour], lw=1.3)
    _mark_threshold(axes, threshold, right=threshold > (np.sqrt(low * high) if logarithmic else (low + high) / 2))
    if logarithmic:
        take_logarithms(axes, "x", subs=_ticks(high / low))
    axes.set_ylim(bottom=0)
    in_percent(axes.yaxis)
    axes.set_xlabel("anomaly score" + (", logarithmic" if logarithmic else ""))
    axes.set_ylabel("share of rows")
    return svg(figure, name, label)


def _mark_threshold(axes: Axes, threshold: float, *, right: bool) -> None:
    """Draw the threshold; its name stands on the side that has more room."""
    axes.axvline(threshold, color=COLOURS["ink"], lw=1.1, ls="--")
    axes.annotate(
        "threshold",
        (threshold, 0.99),
        (-5 if right else 5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        color=COLOURS["ink"],
        fontsize=TEXT,
    )


def _ticks(ratio: float) -> tuple[int, ...]:
    """Choose the ticks of each decade, so that their numbers have room side by side."""
    return (1, 2, 5) if ratio < _FEW_DECADES[0] else (1, 3) if ratio < _FEW_DECADES[1] else (1,)


def timeline(values: Array, anomaly: Array, threshold: float, *, name: str, label: str) -> Markup:
    """Draw scores in their order; stretches of anomalies are shaded."""
    figure, axes = new_figure()
    borders = np.flatnonzero(np.diff(anomaly.astype(int), prepend=0, append=0))
    for first, stop in borders.reshape(-1, 2):
        axes.axvspan(first - 0.5, stop - 0.5, color=COLOURS["anomaly"], alpha=0.28, lw=0)
    shown = _highest(values, CURVE_POINTS)
    axes.plot(shown, values[shown], color=COLOURS["normal"], lw=1.1)
    axes.axhline(threshold, color=COLOURS["ink"], lw=1.1, ls="--")
    if values.min() > 0 and values.max() > 10 * values.min():
        take_logarithms(axes, "y")
    axes.set(xlim=(-0.5, len(values) - 0.5), xlabel="window of test, by series and time", ylabel="anomaly score")
    return svg(figure, name, label)


def _highest(values: Array, most: int) -> NDArray[np.int64]:
    """Choose the place of the highest value in each of so many stretches."""
    stretches = np.array_split(np.arange(len(values)), min(len(values), most))
    return np.array([stretch[values[stretch].argmax()] for stretch in stretches])
