"""A figure's frame and how it becomes SVG that takes its colours and its font from the page.

Matplotlib draws with stand-in colours that become CSS variables, so one picture serves the light and the dark scheme.
"""

import io
import re
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Transform, blended_transform_factory
from numpy.typing import NDArray

from hourglass.report.words import shortened

Array = NDArray[Any]

#: Colours for classes, in the style sheet; further classes share the last.
CLASS_COLOURS = 9

_VARIABLES = ("ink", "muted", "line", "normal", "anomaly", "train", "surface")
#: What stands for each colour of the style sheet while matplotlib draws.
COLOURS = {name: f"#0000{place + 1:02x}" for place, name in enumerate(_VARIABLES)} | {
    f"class-{place}": f"#0001{place:02x}" for place in range(CLASS_COLOURS)
}

#: Sizes of text, and points of a curve at most.
SMALL, TEXT = 11.5, 12.5
CURVE_POINTS = 400

_WIDTH, _HEIGHT = 340, 248
_POINTS_PER_INCH = 72


def class_colour(place: int) -> str:
    """Name the CSS variable of the colour of a normal class, by its place among them."""
    return f"class-{min(place, CLASS_COLOURS - 1)}"


def new_figure(height: int = _HEIGHT, *, left: int = 52, bottom: int = 42) -> tuple[Figure, Axes]:
    """Make a figure with fixed margins in points: to measure text would take longer than to draw."""
    figure = Figure(figsize=(_WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH))
    top, right = 10, 10
    axes = figure.add_axes((left / _WIDTH, bottom / height, 1 - (left + right) / _WIDTH, 1 - (bottom + top) / height))
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(COLOURS["line"])
    axes.tick_params(which="both", color=COLOURS["line"], labelcolor=COLOURS["muted"], labelsize=SMALL)
    axes.xaxis.label.set(color=COLOURS["muted"], fontsize=TEXT)
    axes.yaxis.label.set(color=COLOURS["muted"], fontsize=TEXT)
    axes.yaxis.set_label_coords(1.3 * TEXT / _WIDTH, 0.5, transform=_across(figure, axes))
    axes.grid(visible=True, color=COLOURS["line"], lw=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _across(figure: Figure, axes: Axes) -> Transform:
    """Measure from the left of the figure and the bottom of the axes: a label there is whole, whatever the ticks."""
    return blended_transform_factory(figure.transFigure, axes.transAxes)


def svg(figure: Figure, name: str, label: str) -> Markup:
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
    for variable, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{variable})")
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None  # noqa: S101
    body = re.sub(r"\s*\n\s*", "\n", text[text.index(">") + 1 :])
    return Markup(f'<svg class="plot" role="img" aria-label="{escape(label)}" {box[0]}>{body}')  # noqa: S704


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}px"


def thin(rows: int, most: int) -> NDArray[np.int64]:
    """Choose evenly spaced places, the first and the last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))


def take_logarithms(axes: Axes, side: Literal["x", "y"], *, subs: Sequence[int] = (1, 2, 5), most: int = 20) -> None:
    """Make an axis logarithmic, with plain numbers beside it."""
    axis = axes.xaxis if side == "x" else axes.yaxis
    axes.set(**{f"{side}scale": "log"})
    axis.set_major_locator(LogLocator(subs=subs, numticks=most))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def in_percent(axis: Axis) -> None:
    """Write the shares beside an axis in per cent."""
    axis.set_major_formatter(lambda share, _: f"{100 * share:g} %")


def plain(text: str) -> str:
    """Take a dollar for a dollar, not for mathematics."""
    return text.replace("$", r"\$")


def shorten(text: str, letters: int) -> str:
    """Shorten a name to what stands in a picture."""
    return plain(shortened(text, letters))
