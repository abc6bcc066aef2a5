"""What the stages found of one variant."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The kinds of example rows, all of test: title, and what they are.
EXAMPLES = {
    "typical": ("Typical normal rows", "the first normal rows of test"),
    "anomalous": ("Anomalies", "the first anomalies of test"),
    "worst": ("Oddest normal rows", "the normal rows of test with the highest scores"),
    "best": ("Least odd normal rows", "the normal rows of test with the lowest scores"),
}

#: The kinds of latent maps, as `evaluation.maps` names them, in the order of the page.
MAP_WORDS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE", "code": "The code itself"}


@dataclass(frozen=True)
class Example:
    """A row of test beside its reconstruction, both in the nets' units and the row's shape there.

    Of an image `map` says where its score comes from and `mask`, where masks are known, where it is anomalous; both of
    shape (height, width).
    """

    row: int
    label: str
    score: float
    x: NDArray[np.float32]
    x_hat: NDArray[np.float32]
    map: NDArray[np.uint8] | None = None
    mask: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class LatentMap:
    """Codes of held-out rows laid out in the plane.

    Parameters
    ----------
    kind : str
        One of `MAP_WORDS`.
    layout : ndarray of shape (rows, 2)
    label : ndarray of shape (rows,)
        Class codes, -1 where unlabelled.
    numbers : dict of str to float
        How far it may be believed, as `evaluation.maps` measures.
    """

    kind: str
    layout: NDArray[np.float32]
    label: NDArray[np.int64]
    numbers: dict[str, float]


@dataclass(frozen=True)
class CourseRun:
    """A part of a training.

    Parameters
    ----------
    epochs : list of dict
        A record for each of its epochs.
    course : str
    monitor : list of str or None
        The terms that decided which epoch to keep; None: the objective itself.
    epoch, step : int
        The last.
    best : float
        Lowest monitor.
    best_epoch : int
    """

    epochs: list[dict[str, Any]]
    course: str
    monitor: list[str] | None
    epoch: int
    step: int
    best: float
    best_epoch: int

    @property
    def code(self) -> dict[str, float]:
        """What was measured of codes after the best epoch."""
        found: dict[str, float] = next(one for one in self.epochs if one["epoch"] == self.best_epoch).get("code", {})
        return found

    @property
    def terms(self) -> list[str]:
        """Names of the terms that are measured on train or validation, the reconstruction first."""
        names = self.epochs[0]["train"] | self.epochs[0]["validation"]
        return sorted(names, key=lambda name: (name != "reconstruction", name))


@dataclass(frozen=True)
class Variant:
    """What the stages found of one variant.

    Parameters
    ----------
    name : str
    refused : bool
    evaluation : dict
        The content of ``evaluation.json``.
    model : dict
        The content of ``model.json``: settings, parameters, courses, fingerprint, seed.
    epochs : list of dict
        A record for each epoch.
    examples : dict of str to list of Example
        By the keys of `EXAMPLES`.
    samples : ndarray of shape (rows, *shape)
        New rows in the nets' units.
    sampled_from : str
        What their codes were drawn from, in words.
    score : str
        Name of the anomaly score.
    scores : ndarray of shape (rows,)
        Of test.
    anomaly : ndarray of bool, shape (rows,)
        Of test.
    latent_maps : tuple of LatentMap
        The first of all rows.
    portrait : dict of str to ndarray
        What `evaluation.portrait` drew, by name; rows are in the nets' units.
    loop : dict
        The settings of the training loop that params.yaml named.
    keys : dict of str to str
        Stage to the hash of what its output was made from.
    """

    name: str
    refused: bool
    evaluation: dict[str, Any]
    model: dict[str, Any]
    epochs: list[dict[str, Any]]
    examples: dict[str, list[Example]]
    samples: NDArray[np.float32]
    sampled_from: str
    score: str
    scores: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    latent_maps: tuple[LatentMap, ...]
    portrait: dict[str, NDArray[Any]]
    loop: dict[str, Any]
    keys: dict[str, str]

    @property
    def latent_map(self) -> LatentMap:
        """The map of all rows."""
        return self.latent_maps[0]

    @property
    def latent(self) -> int:
        """Width of the code."""
        return int(self.evaluation["latent"])

    @property
    def pca_components(self) -> int:
        """Width of the PCA that stands beside it."""
        return int(self.evaluation["pca_components"])

    @property
    def frames(self) -> int:
        """Rows that its portrait shows."""
        shape = self.samples.shape[1:]
        rows = [values for values in self.portrait.values() if values.shape[-len(shape) :] == shape]
        return sum(prod(values.shape[: -len(shape)]) for values in rows)

    @property
    def courses(self) -> "list[CourseRun]":
        """The parts of its training, in their order."""
        return [
            CourseRun([record for record in self.epochs if record["course"] == found["course"]], **found)
            for found in self.model["courses"]
        ]
