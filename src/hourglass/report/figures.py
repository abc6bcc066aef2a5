"""Figures as inline SVG that takes its colours and its font from the page.

Matplotlib draws with stand-in colours that become CSS variables, so one picture serves the light and the dark scheme.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

Array = NDArray[Any]

#: Colours for classes, in the style sheet; further classes share the last.
CLASS_COLOURS = 9

_VARIABLES = ("ink", "muted", "line", "normal", "anomaly", "train", "surface")
_STAND_INS = {name: f"#0000{place + 1:02x}" for place, name in enumerate(_VARIABLES)} | {
    f"class-{place}": f"#0001{place:02x}" for place in range(CLASS_COLOURS)
}

_WIDTH, _HEIGHT = 340, 248
_SMALL, _TEXT = 11.5, 12.5
_POINTS_PER_INCH = 72
_CURVE_POINTS = 400
#: Channels that are drawn below each other.
_MOST_LANES = 6
_LINE_POINTS = 200
_BINS = 36
_MAX_BARS = 64
#: Categories in a picture, and letters of a name beside it.
_MOST_CATEGORIES, _LETTERS = 8, 14
_MEDOID_ROWS = 300
#: Share of the epochs that may run out of the picture where a term has no logarithm.
_FIRST_EPOCHS = 0.05
#: Share of a sweep's trials that its pictures show, the best first.
_SHOWN_TRIALS = 0.9


def curves(epochs: list[dict[str, Any]], term: str, best_epoch: int, *, name: str, label: str) -> Markup:
    """Draw a term of the loss over the epochs, where it is measured: on train, validation or both; mark the best."""
    figure, axes = _figure()
    shown = [epochs[place] for place in _thin(len(epochs), _CURVE_POINTS)]
    x = [record["epoch"] for record in shown]
    for split, colour, style in (("train", "train", "--"), ("validation", "normal", "-")):
        if term in epochs[0][split]:
            axes.plot(x, [record[split][term] for record in shown], style, color=_STAND_INS[colour], lw=1.5)
    first, last = epochs[0]["epoch"] - 1, epochs[-1]["epoch"]
    best = epochs[best_epoch - first - 1]["validation"].get(term)
    _scale_losses(axes, epochs, term)
    axes.axvline(best_epoch, color=_STAND_INS["muted"], lw=0.8, ls=":")
    if best is not None:
        mark: dict[str, Any] = {
            "color": _STAND_INS["normal"],
            "mec": _STAND_INS["surface"],
            "mew": 1.2,
            "clip_on": False,
        }
        axes.plot([best_epoch], [best], "o", ms=6, **mark)
    axes.set_xlabel("epoch")
    axes.set_xlim(first, last)
    return _svg(figure, name, label)


def timeline(values: Array, anomaly: Array, threshold: float, *, name: str, label: str) -> Markup:
    """Draw scores in their order; stretches of anomalies are shaded."""
    figure, axes = _figure()
    borders = np.flatnonzero(np.diff(anomaly.astype(int), prepend=0, append=0))
    for first, stop in borders.reshape(-1, 2):
        axes.axvspan(first - 0.5, stop - 0.5, color=_STAND_INS["anomaly"], alpha=0.28, lw=0)
    shown = _highest(values, _CURVE_POINTS)
    axes.plot(shown, values[shown], color=_STAND_INS["normal"], lw=1.1)
    axes.axhline(threshold, color=_STAND_INS["ink"], lw=1.1, ls="--")
    if values.min() > 0 and values.max() > 10 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
        axes.yaxis.set_major_formatter(lambda score, _: f"{score:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set(xlim=(-0.5, len(values) - 0.5), xlabel="window of test, by series and time", ylabel="anomaly score")
    return _svg(figure, name, label)


def roc(
    points: list[list[float]], band: list[list[float]], operating: tuple[float, float], *, name: str, label: str
) -> Markup:
    """Draw the ROC curve with its band, the line of chance and the point at the threshold."""
    figure, axes = _figure()
    _shade(axes, band)
    x, y = zip(*points, strict=True)
    axes.plot([0, 1], [0, 1], color=_STAND_INS["muted"], lw=0.8, ls=":")
    axes.plot(x, y, color=_STAND_INS["normal"], lw=1.8)
    axes.plot(*operating, "o", ms=8, color=_STAND_INS["anomaly"], mec=_STAND_INS["surface"], mew=1.4, clip_on=False)
    below = operating[1] > 0.2
    axes.annotate(
        "threshold",
        operating,
        (9, -7 if below else 7),
        textcoords="offset points",
        va="top" if below else "bottom",
        color=_STAND_INS["ink"],
        fontsize=_TEXT,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false-alarm rate", ylabel="detection rate")
    return _svg(figure, name, label)


def precision_recall(
    points: list[list[float]], band: list[list[float]], chance: float, *, name: str, label: str
) -> Markup:
    """Draw precision over recall with its band, and the precision of chance."""
    figure, axes = _figure()
    _shade(axes, band)
    axes.axhline(chance, color=_STAND_INS["muted"], lw=0.8, ls=":")
    axes.plot(*zip(*points, strict=True), color=_STAND_INS["normal"], lw=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    return _svg(figure, name, label)


def _shade(axes: Axes, band: list[list[float]]) -> None:
    x, low, high = zip(*band, strict=True)
    axes.fill_between(x, low, high, color=_STAND_INS["normal"], alpha=0.14, lw=0)


def scores(values: Array, anomaly: Array, threshold: float, *, name: str, label: str) -> Markup:
    """Draw how scores are distributed, normal rows above the axis and anomalies on the same axis beside them."""
    figure, axes = _figure()
    everything = np.append(values, threshold)
    logarithmic = everything.min() > 0 and everything.max() > 10 * everything.min()
    spread = np.geomspace if logarithmic else np.linspace
    low, high = everything.min(), everything.max()
    bins = spread(low, high if high > low else low + 1, _BINS + 1)
    for flag, colour in ((False, "normal"), (True, "anomaly")):
        chosen = values[anomaly == flag]
        if len(chosen):
            shares = np.histogram(chosen, bins)[0] / len(chosen)
            axes.stairs(shares, bins, fill=True, color=_STAND_INS[colour], alpha=0.28)
            axes.stairs(shares, bins, color=_STAND_INS[colour], lw=1.3)
    axes.axvline(threshold, color=_STAND_INS["ink"], lw=1.1, ls="--")
    right = threshold > (np.sqrt(low * high) if logarithmic else (low + high) / 2)
    axes.annotate(
        "threshold",
        (threshold, 0.99),
        (-5 if right else 5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        color=_STAND_INS["ink"],
        fontsize=_TEXT,
    )
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
        axes.xaxis.set_major_formatter(lambda score, _: f"{score:g}")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.set_xlabel("anomaly score" + (", logarithmic" if logarithmic else ""))
    axes.set_ylabel("share of rows")
    return _svg(figure, name, label)


def latent_map(
    layout: Array, label: Array, classes: Sequence[str], anomalous: Sequence[str], points: int, *, name: str, aria: str
) -> Markup:
    """Draw codes in the plane: a colour for each normal class, named at its median; anomalies as crosses."""
    figure, axes = _figure(300, left=8, bottom=8)
    chosen = _thin(len(layout), points)
    layout, label = layout[chosen], label[chosen]
    normal = [place for place, one in enumerate(classes) if one not in anomalous]
    dot: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 3.2, "mew": 0, "alpha": 0.75}
    unlabelled = label < 0
    if unlabelled.any():
        axes.plot(*layout[unlabelled].T, color=_STAND_INS["normal"], **dot)
    for place, code in enumerate(normal):
        axes.plot(*layout[label == code].T, color=_STAND_INS[class_colour(place)], **dot)
    odd = np.isin(label, [place for place, one in enumerate(classes) if one in anomalous])
    axes.plot(*layout[odd].T, ls="none", marker="x", ms=4.5, mew=1.1, color=_STAND_INS["anomaly"])
    if len(normal) > 1:
        for code in normal:
            _name_class(axes, layout[label == code], classes[code])
    axes.set_axis_off()
    axes.margins(0.03)
    return _svg(figure, name, aria)


def class_colour(place: int) -> str:
    """Name the CSS variable of the colour of a normal class, by its place among them."""
    return f"class-{min(place, CLASS_COLOURS - 1)}"


def bars(values: Sequence[float], *, name: str, label: str, x_label: str, y_label: str) -> Markup:
    """Draw values as bars, the largest first."""
    figure, axes = _figure(176, left=40)
    ordered = sorted(values, reverse=True)[:_MAX_BARS]
    axes.bar(range(1, len(ordered) + 1), ordered, color=_STAND_INS["normal"], width=0.72)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set(xlabel=x_label, ylabel=y_label)
    return _svg(figure, name, label)


def widths(tried: Sequence[dict[str, Any]], chosen: int, *, name: str, label: str) -> Markup:
    """Draw the held-out error by the width of the code, with two standard errors each way; mark the chosen width."""
    figure, axes = _figure()
    x, error = [one["latent"] for one in tried], [one["error"] for one in tried]
    bars = [2 * one["error_se"] for one in tried]
    axes.errorbar(x, error, bars, fmt="-o", color=_STAND_INS["normal"], lw=1.5, ms=4, elinewidth=1)
    axes.axvline(chosen, color=_STAND_INS["muted"], lw=0.8, ls=":")
    best = error[x.index(chosen)]
    axes.plot([chosen], [best], "o", ms=8, color=_STAND_INS["normal"], mec=_STAND_INS["surface"], mew=1.4)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(x))
    axes.xaxis.set_major_formatter(lambda width, _: f"{width:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set(xlabel="width of the code (latent)", ylabel="mean squared error")
    return _svg(figure, name, label)


def bounds(draws: Sequence[int], values: Sequence[float], errors: Sequence[float], *, name: str, label: str) -> Markup:
    """Draw bounds on log p(x) by the draws behind them, with two standard errors each way."""
    figure, axes = _figure(176)
    bars = [2 * error for error in errors]
    axes.errorbar(draws, values, bars, fmt="-o", color=_STAND_INS["normal"], lw=1.5, ms=4, elinewidth=1)
    axes.set_xscale("log")
    axes.set(xlabel="draws of each row", ylabel="nats a row")
    return _svg(figure, name, label)


def trials(values: Array, best: Array, *, name: str, label: str, y_label: str) -> Markup:
    """Draw what trials came to, one after the other, and the best so far; NaN, nothing, is a tick at the bottom."""
    figure, axes = _figure()
    axes.plot(values, "o", ms=4, mew=0, color=_STAND_INS["normal"], alpha=0.6)
    axes.step(np.arange(len(best)), best, where="post", color=_STAND_INS["ink"], lw=1.2)
    nothing = np.flatnonzero(np.isnan(values))
    bottom = axes.get_xaxis_transform()
    axes.plot(nothing, np.full(len(nothing), 0.02), "|", ms=6, color=_STAND_INS["anomaly"], transform=bottom)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set(xlabel="trial", ylabel=y_label, xlim=(-0.5, len(values) - 0.5), ylim=_most(values, best[-1]))
    return _svg(figure, name, label)


def slices(
    x: Array, values: Array, ticks: Sequence[str] | None, *, logarithmic: bool, best: float, **words: str
) -> Markup:
    """Draw what trials came to over the values of one setting: numbers, or the places of `ticks`.

    The words are ``name``, ``label``, ``x_label`` and ``y_label``.
    """
    figure, axes = _figure()
    axes.plot(x, values, "o", ms=4, mew=0, color=_STAND_INS["normal"], alpha=0.6)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
    if ticks is not None:
        axes.set_xticks(range(len(ticks)), [tick.replace("$", r"\$") for tick in ticks])
        axes.set_xlim(-0.5, len(ticks) - 0.5)
    axes.set(xlabel=words["x_label"], ylabel=words["y_label"], ylim=_most(values, best))
    return _svg(figure, words["name"], words["label"])


def _most(values: Array, best: float) -> tuple[float, float]:
    """Choose a scale from the best on that leaves out the worst tenth: one bad training would flatten all others."""
    distances = values[~np.isnan(values)] - best
    far = float(np.quantile(np.abs(distances), _SHOWN_TRIALS)) or 1.0
    low, high = (best, best + far) if distances.sum() >= 0 else (best - far, best)
    return low - 0.06 * far, high + 0.06 * far


def ranked(series: Sequence[Array], even: float, *, name: str, label: str, x_label: str, y_label: str) -> Markup:
    """Draw many values from the largest to the least, a line for each series, and dotted what each would be if even."""
    figure, axes = _figure(176, left=60)
    for values, colour in zip(series, ("normal", "class-1"), strict=False):
        ordered = np.sort(values)[::-1]
        shown = _thin(len(ordered), _CURVE_POINTS)
        axes.fill_between(shown + 1, ordered[shown], color=_STAND_INS[colour], alpha=0.2, lw=0)
        axes.plot(shown + 1, ordered[shown], color=_STAND_INS[colour], lw=1.5)
    axes.axhline(even, color=_STAND_INS["muted"], lw=1.0, ls=":")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(1, max(map(len, series)) + 1e-9))
    axes.set_ylim(bottom=0)
    return _svg(figure, name, label)


def counts(values: Array, *, name: str, label: str, x_label: str) -> Markup:
    """Draw how whole numbers are distributed over rows."""
    figure, axes = _figure(176, left=60)
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // _MAX_BARS))
    edges = np.arange(low, high + width + 1, width) - 0.5
    axes.stairs(np.histogram(values, edges)[0] / len(values), edges, fill=True, color=_STAND_INS["normal"], alpha=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.set(xlabel=x_label, ylabel="share of rows")
    return _svg(figure, name, label)


def quantiles(expected: Array, found: Array, *, name: str, label: str) -> Markup:
    """Draw quantiles against those expected, a line for each column of `found`; on the diagonal they agree."""
    figure, axes = _figure(200)
    ends = [min(expected.min(), found.min()), max(expected.max(), found.max())]
    axes.plot(ends, ends, color=_STAND_INS["ink"], lw=1.0, ls=":")
    segments = [np.stack([expected, column], axis=1) for column in found.T]
    axes.add_collection(LineCollection(segments, colors=_STAND_INS["normal"], linewidths=1.2, alpha=0.6))
    axes.set(xlabel="quantile of the prior", ylabel="quantile of a unit's codes")
    return _svg(figure, name, label)


def distributions(edges: Array, before: Array, now: Array, *, name: str, label: str) -> Markup:
    """Draw two distribution functions of numbers that are counted between edges: the reference's dashed."""
    figure, axes = _figure(176, left=60)
    if len(edges):
        for bins, colour, style in ((before, "train", "--"), (now, "normal", "-")):
            shares = bins.cumsum()[:-1] / max(1, bins.sum())
            axes.step(edges, shares, style, where="post", color=_STAND_INS[colour], lw=1.6)
    else:
        axes.set_xticks([])
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set(xlabel="value", ylabel="share at most", ylim=(0, 1.02))
    return _svg(figure, name, label)


def shares(names: Sequence[str], before: Array, now: Array, *, name: str, label: str) -> Markup:
    """Draw the shares of categories in two sets, those that changed most where there are many."""
    figure, axes = _figure(176, left=96)
    pair = np.stack([before / max(1, before.sum()), now / max(1, now.sum())])
    places = np.sort(np.argsort(-np.abs(pair[1] - pair[0]), kind="stable")[:_MOST_CATEGORIES])[::-1]
    for shift, side, colour in ((0.2, pair[0], "train"), (-0.2, pair[1], "normal")):
        axes.barh(np.arange(len(places)) + shift, side[places], 0.38, color=_STAND_INS[colour], lw=0)
    axes.set_yticks(range(len(places)), [_short(names[place]) for place in places])
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.set(xlabel="share of rows")
    return _svg(figure, name, label)


def _short(text: str) -> str:
    """Shorten a name to what stands beside an axis; a dollar is no mathematics."""
    return (text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…").replace("$", r"\$")


def fans(cells: Sequence[tuple[str, Array]], columns: int, *, name: str, label: str) -> Markup:
    """Draw walks in a grid, each cell with its name and curves for each step: the first faint, the last strong."""
    height = -(-len(cells) // columns)
    figure, axes = _figure(84 * height + 12, left=2, bottom=2)
    walks = [[_lanes(step) for step in steps] for _, steps in cells]
    low = min(step.min() for walk in walks for step in walk)
    span = (max(step.max() for walk in walks for step in walk) - low) or 1.0
    for place, (walk, (title, _)) in enumerate(zip(walks, cells, strict=True)):
        column, row = place % columns, height - 1 - place // columns
        segments = [curve for step in walk for curve in _placed((step - low) / span, column, row, 0.65)]
        strength = np.repeat(np.linspace(0.25, 1, len(walk)), len(walk[0]))
        axes.add_collection(LineCollection(segments, colors=_STAND_INS["normal"], linewidths=1.1, alpha=strength))
        text = title.replace("$", r"\$")
        axes.text(column + 0.05, row + 0.98, text, va="top", fontsize=_SMALL, color=_STAND_INS["muted"])
    axes.set(xlim=(0, columns), ylim=(0, height))
    axes.set_axis_off()
    return _svg(figure, name, label)


def lines(rows: Iterable[Sequence[Array]], columns: int, *, name: str, label: str) -> Markup:
    """Draw arrays as small curves in a grid, all on one scale.

    The last of each row is thin, the one before it broad and below; one before both is faint, in the anomalies' colour.
    """
    cells = [[_lanes(one) for one in row] for row in rows]
    height = -(-len(cells) // columns)
    figure, axes = _figure(64 * height + 12, left=2, bottom=2)
    low = min(one.min() for row in cells for one in row)
    span = (max(one.max() for row in cells for one in row) - low) or 1.0
    styles = (
        (_STAND_INS["anomaly"], 0.9, 0.55),
        (_STAND_INS["muted"], 2.6, 0.45),
        (_STAND_INS["normal"], 1.2, 1.0),
    )
    for layer, (colour, width, alpha) in zip(range(len(cells[0])), styles[-len(cells[0]) :], strict=True):
        segments = [
            curve
            for place, row in enumerate(cells)
            for curve in _placed((row[layer] - low) / span, place % columns, height - 1 - place // columns, 0.8)
        ]
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=width, alpha=alpha))
    axes.set(xlim=(0, columns), ylim=(0, height))
    axes.set_axis_off()
    return _svg(figure, name, label)


def _lanes(values: Array) -> Array:
    """Lay an array out as curves: a few channels below each other, anything else as one curve."""
    array = np.asarray(values, np.float64)
    return array if array.ndim == 2 and len(array) <= _MOST_LANES else array.reshape(1, -1)


def _placed(lanes: Array, column: int, row: int, height: float) -> list[Array]:
    """Place curves of values from 0 to 1 in a cell, the first at the top."""
    chosen = _thin(lanes.shape[1], _LINE_POINTS)
    x = column + 0.05 + 0.9 * np.linspace(0, 1, len(chosen))
    step = height / len(lanes)
    bottoms = row + 0.1 + step * np.arange(len(lanes))[::-1]
    return [np.stack([x, bottom + step * lane[chosen]], axis=1) for lane, bottom in zip(lanes, bottoms, strict=True)]


def _name_class(axes: Axes, layout: Array, text: str) -> None:
    if not len(layout):
        return
    short = text if len(text) <= 16 else f"{text[:15]}\N{HORIZONTAL ELLIPSIS}"
    axes.annotate(
        short.replace("$", r"\$"),
        tuple(_medoid(layout)),
        ha="center",
        va="center",
        fontsize=13,
        fontweight="bold",
        color=_STAND_INS["ink"],
    )


def _medoid(layout: Array) -> Array:
    """Find the row in the midst of others: unlike a mean or a median it lies among them also where they fall apart."""
    some = layout[_thin(len(layout), _MEDOID_ROWS)]
    medoid: Array = some[np.linalg.norm(some[:, None] - some[None], axis=2).sum(axis=1).argmin()]
    return medoid


def _scale_losses(axes: Axes, epochs: list[dict[str, Any]], term: str) -> None:
    """Take logarithms where a term has them; otherwise let the first epochs run out of the picture."""
    splits = [split for split in ("train", "validation") if term in epochs[0][split]]
    values = np.array([[record[split][term] for split in splits] for record in epochs])
    if term == "reconstruction" and (values > 0).all() and values.max() > 10 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
        axes.yaxis.set_major_formatter(lambda loss, _: f"{loss:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        return
    later = values[int(_FIRST_EPOCHS * len(values)) :] if term == "reconstruction" else values
    margin = 0.06 * (np.ptp(later) or 1.0)
    axes.set_ylim(later.min() - margin, later.max() + margin)


def _highest(values: Array, most: int) -> NDArray[np.int64]:
    """Choose the place of the highest value in each of so many stretches."""
    stretches = np.array_split(np.arange(len(values)), min(len(values), most))
    return np.array([stretch[values[stretch].argmax()] for stretch in stretches])


def _thin(rows: int, most: int) -> NDArray[np.int64]:
    """Choose evenly spaced places, the first and the last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))


def _figure(height: int = _HEIGHT, *, left: int = 52, bottom: int = 42) -> tuple[Figure, Axes]:
    """Make a figure with fixed margins in points: to measure text would take longer than to draw."""
    figure = Figure(figsize=(_WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH))
    top, right = 10, 10
    axes = figure.add_axes((left / _WIDTH, bottom / height, 1 - (left + right) / _WIDTH, 1 - (bottom + top) / height))
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(_STAND_INS["line"])
    axes.tick_params(which="both", color=_STAND_INS["line"], labelcolor=_STAND_INS["muted"], labelsize=_SMALL)
    axes.xaxis.label.set(color=_STAND_INS["muted"], fontsize=_TEXT)
    axes.yaxis.label.set(color=_STAND_INS["muted"], fontsize=_TEXT)
    axes.grid(visible=True, color=_STAND_INS["line"], lw=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure, name: str, label: str) -> Markup:
    """Write a figure as an element of the page: no prologue, ids of its own, colours and font from the style sheet."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})  # type: ignore[no-untyped-call]
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text).replace("url(#", f"url(#{name}-")
    text = re.sub(r"font: (?:(bold|\d+) )?([\d.]+)px [^;\"]*", _font, text)
    text = re.sub(r'="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text)
    for variable, colour in _STAND_INS.items():
        text = text.replace(colour, f"var(--{variable})")
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None  # noqa: S101
    body = re.sub(r"\s*\n\s*", "\n", text[text.index(">") + 1 :])
    return Markup(f'<svg class="plot" role="img" aria-label="{escape(label)}" {box[0]}>{body}')  # noqa: S704


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}px"
