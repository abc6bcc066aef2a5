"""Figures as inline SVG."""

from hourglass.report.figures.codes import bars, bounds, counts, latent_map, quantiles, ranked
from hourglass.report.figures.detection import precision_recall, roc, scores, timeline
from hourglass.report.figures.drawing import CLASS_COLOURS, Array, class_colour
from hourglass.report.figures.drift import distributions, shares
from hourglass.report.figures.rows import fans, lines
from hourglass.report.figures.sweeps import slices, trials
from hourglass.report.figures.training import curves, widths

__all__ = [
    "CLASS_COLOURS",
    "Array",
    "bars",
    "bounds",
    "class_colour",
    "counts",
    "curves",
    "distributions",
    "fans",
    "latent_map",
    "lines",
    "precision_recall",
    "quantiles",
    "ranked",
    "roc",
    "scores",
    "shares",
    "slices",
    "timeline",
    "trials",
    "widths",
]
