"""Codes as places: the plane that shows most of them, and what lies between rows on a map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

#: Rows whose codes are mixed at a place of the map; `map.js` mixes as many.
NEIGHBOURS = 6
#: Units that get a slider.
_UNITS = 16


@dataclass(frozen=True)
class Plane:
    """The plane through codes along which they vary most (PCA).

    Parameters
    ----------
    mean : ndarray of shape (latent,)
    axes : ndarray of shape (2, latent)
        Orthonormal; the second is 0 where codes are one number wide.
    places : ndarray of shape (rows, 2)
        Of the codes on it.
    share : float
        Of the codes' variance that the plane shows, 0 to 1.
    """

    mean: Array
    axes: Array
    places: Array
    share: float

    @classmethod
    def of(cls, codes: Array) -> "Plane":
        """Fit the plane to codes of shape (rows, latent); each axis points to where its largest unit grows."""
        mean = codes.mean(axis=0, dtype=np.float64)
        centred = codes - mean
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        chosen = np.zeros((2, codes.shape[1]))
        chosen[: min(2, len(axes))] = axes[:2]
        largest = np.abs(chosen).argmax(axis=1)
        chosen *= np.where(chosen[[0, 1], largest] < 0, -1, 1)[:, None]
        total = float((sizes**2).sum())
        share = float((sizes[:2] ** 2).sum()) / total if total else 1.0
        return cls(mean.astype(np.float32), chosen.astype(np.float32), (centred @ chosen.T).astype(np.float32), share)


def mixed(places: Array, layout: Array, codes: Array) -> Array:
    """Mix the codes of the nearest rows, each with the inverse of its squared distance as its weight.

    Parameters
    ----------
    places : ndarray of shape (places, 2)
    layout : ndarray of shape (rows, 2)
    codes : ndarray of shape (rows, latent)

    Returns
    -------
    ndarray of shape (places, latent)
        At a row's place its own code.
    """
    squares = ((places[:, None] - layout[None]) ** 2).sum(axis=2)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :NEIGHBOURS]
    tiny = 1e-9 * float(np.ptp(layout, axis=0).max() ** 2) or 1e-9
    weights = 1 / (np.take_along_axis(squares, nearest, axis=1) + tiny)
    mix: Array = np.einsum("pn,pnl->pl", weights / weights.sum(axis=1, keepdims=True), codes[nearest])
    return mix.astype(np.float32)


def grid(layout: Array, side: int) -> Array:
    """Lay places evenly over a map, row by row from its lowest corner: shape (side * side, 2)."""
    low, high = layout.min(axis=0), layout.max(axis=0)
    steps = (np.arange(side) + 0.5) / side
    down, right = np.meshgrid(steps, steps, indexing="ij")
    places: Array = low + np.stack([right, down], axis=-1).reshape(-1, 2) * (high - low)
    return places.astype(np.float32)


def sliders(codes: Array) -> list[dict[str, float]]:
    """Choose the units that vary most, in their order: ``unit``, ``low`` and ``high``."""
    chosen = np.sort(np.argsort(-codes.std(axis=0), kind="stable")[:_UNITS])
    low, high = codes[:, chosen].min(axis=0), codes[:, chosen].max(axis=0)
    return [
        {"unit": int(unit), "low": float(start), "high": float(max(end, start + 1e-6))}
        for unit, start, end in zip(chosen, low, high, strict=True)
    ]
