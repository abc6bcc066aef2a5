"""Rows that are no images, as small curves."""

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.collections import LineCollection

from hourglass.report.figures.drawing import COLOURS, SMALL, Array, new_figure, plain, svg, thin

#: Channels that are drawn below each other.
_MOST_LANES = 6
_LINE_POINTS = 200


def fans(cells: Sequence[tuple[str, Array]], columns: int, *, name: str, label: str) -> Markup:
    """Draw walks in a grid, each cell with its name and curves for each step: the first faint, the last strong."""
    height = -(-len(cells) // columns)
    figure, axes = new_figure(84 * height + 12, left=2, bottom=2)
    walks = [[_lanes(step) for step in steps] for _, steps in cells]
    low = min(step.min() for walk in walks for step in walk)
    span = (max(step.max() for walk in walks for step in walk) - low) or 1.0
    for place, (walk, (title, _)) in enumerate(zip(walks, cells, strict=True)):
        column, row = place % columns, height - 1 - place // columns
        segments = [curve for step in walk for curve in _placed((step - low) / span, column, row, 0.65)]
        strength = np.repeat(np.linspace(0.25, 1, len(walk)), len(walk[0]))
        axes.add_collection(LineCollection(segments, colors=COLOURS["normal"], linewidths=1.1, alpha=strength))
        axes.text(column + 0.05, row + 0.98, plain(title), va="top", fontsize=SMALL, color=COLOURS["muted"])
    axes.set(xlim=(0, columns), ylim=(0, height))
    axes.set_axis_off()
    return svg(figure, name, label)


def lines(rows: Iterable[Sequence[Array]], columns: int, *, name: str, label: str) -> Markup:
    """Draw arrays as small curves in a grid, all on one scale.

    The last of each row is thin, the one before it broad and below; one before both is faint, in the anomalies' colour.
    """
    cells = [[_lanes(one) for one in row] for row in rows]
    height = -(-len(cells) // columns)
    figure, axes = new_figure(64 * height + 12, left=2, bottom=2)
    low = min(one.min() for row in cells for one in row)
    span = (max(one.max() for row in cells for one in row) - low) or 1.0
    styles = (
        (COLOURS["anomaly"], 0.9, 0.55),
        (COLOURS["muted"], 2.6, 0.45),
        (COLOURS["normal"], 1.2, 1.0),
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
    return svg(figure, name, label)


def _lanes(values: Array) -> Array:
    """Lay an array out as curves: a few channels below each other, anything else as one curve."""
    array = np.asarray(values, np.float64)
    return array if array.ndim == 2 and len(array) <= _MOST_LANES else array.reshape(1, -1)


def _placed(lanes: Array, column: int, row: int, height: float) -> list[Array]:
    """Place curves of values from 0 to 1 in a cell, the first at the top."""
    chosen = thin(lanes.shape[1], _LINE_POINTS)
    x = column + 0.05 + 0.9 * np.linspace(0, 1, len(chosen))
    step = height / len(lanes)
    bottoms = row + 0.1 + step * np.arange(len(lanes))[::-1]
    return [np.stack([x, bottom + step * lane[chosen]], axis=1) for lane, bottom in zip(lanes, bottoms, strict=True)]
