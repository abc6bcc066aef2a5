"""Rows in an order that means something, drawn as the kind of data asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from hourglass.report import figures, pictures, words
from hourglass.report.facts import Data
from hourglass.report.galleries import Strip

Array = NDArray[Any]

#: Features of a table that a picture names, and cells of arrays side by side.
_FEATURES, _COLUMNS = 16, 2


@dataclass(frozen=True)
class Walk:
    """Rows in their order.

    Parameters
    ----------
    name : str
        Short, stands beside the picture.
    rows : ndarray of shape (rows, *shape)
        In the nets' units.
    ends : ndarray of shape (2, *shape) or None
        Rows of the data that stand before the first and after the last.
    note : str
        A number or the like, below the name.
    """

    name: str
    rows: Array
    ends: Array | None = None
    note: str = ""

    @property
    def whole(self) -> Array:
        """All rows, the ends too."""
        if self.ends is None:
            return self.rows
        return np.concatenate([self.ends[:1], self.rows, self.ends[1:]])


@dataclass(frozen=True)
class Film:
    """Images of a walk in one picture."""

    name: str
    note: str
    source: str
    alt: str


def draw(
    data: Data, scale: pictures.Scale, walks: Sequence[Walk], *, name: str, label: str, changes: bool = False
) -> dict[str, Any]:
    """Draw walks.

    Parameters
    ----------
    data : Data
    scale : pictures.Scale
    walks : sequence of Walk
        Of one length.
    name : str
        Of the picture, once on the page.
    label : str
        What is seen, in words.
    changes : bool
        Whether cells of a table tell by how much a value differs from its mean over the walk, not the value.

    Returns
    -------
    dict
        ``films`` of images; ``strip`` of a table, with the ``limit`` of its colours; ``figure`` of arrays.
    """
    if data.drawn == "image":
        return {"films": [_film(data, scale, walk, label) for walk in walks]}
    if data.drawn == "table":
        return _strip(data, walks, changes=changes)
    return {"figure": _fans(walks, name, label)}


def scale_words(data: Data, picture: dict[str, Any], *, changes: bool = False) -> str:
    """Say what colours or strokes mean."""
    if data.drawn == "image":
        return ""
    if data.drawn == "curve":
        return "The first step is faint, the last strong. "
    what = "values below and above their mean over the walk" if changes else "values below and above the mean"
    few = ""
    if len(picture["strip"].features) < len(data.features):
        few = f"; the {len(picture['strip'].features)} features that vary most"
    return f"Blue and orange: {what}, full colour at {words.number(picture['limit'])} in the nets' units{few}. "


def _film(data: Data, scale: pictures.Scale, walk: Walk, label: str) -> Film:
    groups = [walk.rows] if walk.ends is None else [walk.ends[:1], walk.rows, walk.ends[1:]]
    source = pictures.film(data, scale, *groups)
    return Film(walk.name, walk.note, source, f"{label}, {walk.name}: {len(walk.whole)} images from left to right")


def _strip(data: Data, walks: Sequence[Walk], *, changes: bool) -> dict[str, Any]:
    cells = np.stack([walk.whole for walk in walks])
    if changes:
        cells = cells - cells.mean(axis=1, keepdims=True)
    shown = np.sort(np.argsort(-cells.std(axis=(0, 1)), kind="stable")[:_FEATURES])
    cells = cells[..., shown]
    limit = float(np.quantile(np.abs(cells), 0.99)) or 1.0
    groups = [
        (f"{walk.name} {walk.note}".strip(), len(rows), pictures.strip(rows.T, limit))
        for walk, rows in zip(walks, cells, strict=True)
    ]
    return {"strip": Strip([data.features[place] for place in shown], groups), "limit": limit}


def _fans(walks: Sequence[Walk], name: str, label: str) -> Markup:
    titles = [f"{walk.name} {walk.note}".strip() for walk in walks]
    cells = list(zip(titles, [walk.whole for walk in walks], strict=True))
    return figures.fans(cells, _COLUMNS, name=name, label=label)
