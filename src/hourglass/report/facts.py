"""Everything that the report shows: numbers, words and arrays, no HTML."""

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.table import Column
from hourglass.sweep.records import About, Trial

#: What each split is for.
PURPOSES = {
    "train": "fits the nets, the normaliser and PCA",
    "validation": "decides early stopping",
    "calibration": "sets the alarm threshold",
    "selection": "ranks the variants and decides promotion",
    "test": "is reported and chooses nothing",
}

#: The kinds of example rows, all of test: title, and what they are.
EXAMPLES = {
    "typical": ("Typical normal rows", "the first normal rows of test"),
    "anomalous": ("Anomalies", "the first anomalies of test"),
    "worst": ("Oddest normal rows", "the normal rows of test with the highest scores"),
    "best": ("Least odd normal rows", "the normal rows of test with the lowest scores"),
}


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, metrics: dict[str, float], name: str) -> "Estimate | None":
        """Read a metric of the evaluation; None where it wasn't measured, as AUROC without labels."""
        if name not in metrics:
            return None
        return cls(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard.

    Parameters
    ----------
    kind : str
        A refused variant and a baseline have no rank.
    name : str
    rank : int or None
    latent : int
        Width of the code; of PCA its number of components.
    about : str
        What it is, where the name alone doesn't say.
    notes : tuple of str
        Why a variant is refused.
    select : Estimate
        The metric that ranks, on selection.
    auroc, average_precision : Estimate or None
        On test; None without labels.
    relative_error : Estimate
        On test.
    change : float or None
        Of the metric that ranks, against the previous tracked run.
    """

    kind: Literal["ranked", "refused", "baseline"]
    name: str
    rank: int | None
    latent: int
    about: str
    notes: tuple[str, ...]
    select: Estimate
    auroc: Estimate | None
    average_precision: Estimate | None
    relative_error: Estimate
    change: float | None = None


@dataclass(frozen=True)
class Alarm:
    """The promised false-alarm rate of a variant, and what test says of it.

    Parameters
    ----------
    variant : str
    alpha : float
        Promised share of normal rows that raise an alarm.
    calibrated_on : str
        What the promise rests on: ``clean``, ``contaminated`` or ``unlabelled`` rows.
    nominal : bool
        Whether nobody knows these rows to be normal and like new ones.
    threshold : float
    seen : Estimate
        Share of the normal rows of test that raised an alarm.
    normal_rows : int
    detected : Estimate or None
        Share of the anomalies of test that raised an alarm.
    anomalies : int
    """

    variant: str
    alpha: float
    calibrated_on: str
    nominal: bool
    threshold: float
    seen: Estimate
    normal_rows: int
    detected: Estimate | None
    anomalies: int

    @property
    def holds(self) -> bool:
        """Whether what was seen is compatible with the promise."""
        return self.seen.low <= self.alpha


@dataclass(frozen=True)
class Example:
    """A row of test beside its reconstruction, both in the nets' units and the row's shape there.

    Of an image `map` says where its score comes from, of shape (height, width).
    """

    row: int
    label: str
    score: float
    x: NDArray[np.float32]
    x_hat: NDArray[np.float32]
    map: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class LatentMap:
    """Codes of held-out rows laid out in the plane.

    Parameters
    ----------
    layout : ndarray of shape (rows, 2)
    label : ndarray of shape (rows,)
        Class codes, -1 where unlabelled.
    trustworthiness : float
    """

    layout: NDArray[np.float32]
    label: NDArray[np.int64]
    trustworthiness: float


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
    latent_map : LatentMap
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
    latent_map: LatentMap
    portrait: dict[str, NDArray[Any]]
    loop: dict[str, Any]
    keys: dict[str, str]

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


@dataclass(frozen=True)
class Class:
    """A class of the label, and its rows in each of `SPLITS`."""

    name: str
    anomalous: bool
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Data:
    """What the models were made from.

    Parameters
    ----------
    source, kind : str
    label : str or None
    shape : tuple of int
        Of a row in the nets.
    features : list of str
        Names of a table's numbers; empty for images and arrays.
    categories : list of Column
        Of a table.
    dtype : str
    counts : dict of str to dict
        Split to its ``rows`` and ``anomalies``.
    classes : tuple of Class
        Empty without labels.
    normaliser : Normaliser
    normalise : str
        The setting that it was fitted by.
    dropped, duplicates : dict of str to int
    statistics : list of dict
        Of the normal training rows, in the data's units.
    overview : dict
        The content of ``overview.json``.
    version : dict
        DVC's ``md5``, ``size`` and ``nfiles`` of the snapshot; empty where it isn't versioned.
    """

    source: str
    kind: str
    label: str | None
    shape: tuple[int, ...]
    features: list[str]
    categories: list[Column]
    dtype: str
    counts: dict[str, dict[str, int]]
    classes: tuple[Class, ...]
    normaliser: Normaliser
    normalise: str
    dropped: dict[str, int]
    duplicates: dict[str, int]
    statistics: list[dict[str, Any]]
    overview: dict[str, Any]
    version: dict[str, Any]

    @property
    def drawn(self) -> Literal["image", "table", "curve"]:
        """How rows are drawn: the spectrum of sound as an image."""
        if self.kind in ("image", "table"):
            return self.kind  # type: ignore[return-value]
        return "image" if self.kind == "audio" and self.shape[0] > 1 else "curve"

    @property
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.classes)

    def correlated(self, least: float) -> list[tuple[str, str, float]]:
        """Give the pairs of numbers whose correlation is at least so far from 0, the strongest first."""
        found = self.overview["correlation"] or {"names": [], "values": []}
        pairs = [
            (other, name, r)
            for name, row in zip(found["names"], found["values"], strict=True)
            for other, r in zip(found["names"][: found["names"].index(name)], row, strict=False)
            if r is not None and abs(r) >= least
        ]
        return sorted(pairs, key=lambda pair: -abs(pair[2]))

    @property
    def rows(self) -> int:
        """Rows in all splits."""
        return sum(count["rows"] for count in self.counts.values())


@dataclass(frozen=True)
class Sample:
    """A few rows of the data, in its own units.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
    table : DataFrame or None
        Of a table, as people have them.
    label : list of str
        Classes; empty texts without labels.
    split : list of str
    index : ndarray of shape (rows,)
        Row numbers in the snapshot.
    anomaly : ndarray of bool, shape (rows,)
    """

    x: NDArray[Any]
    table: pd.DataFrame | None
    label: list[str]
    split: list[str]
    index: NDArray[np.int64]
    anomaly: NDArray[np.bool_]


@dataclass(frozen=True)
class Swept:
    """The sweep of a variant on the data of the report.

    Parameters
    ----------
    name : str
        What it is found by.
    about : About
    trials : list of Trial
        In their order.
    best : Trial
    """

    name: str
    about: About
    trials: list[Trial]
    best: Trial

    @property
    def complete(self) -> list[Trial]:
        """Those with a value, the best first."""
        sign = -1 if self.about.larger_is_better else 1
        valued = [(sign * trial.value, trial.number, trial) for trial in self.trials if trial.value is not None]
        return [trial for *_, trial in sorted(valued)]

    def count(self, state: str) -> int:
        """Count the trials that ended in a state."""
        return sum(trial.state == state for trial in self.trials)


@dataclass(frozen=True)
class Facts:
    """The whole report.

    Parameters
    ----------
    name : str
        What models of this data are registered as.
    metric : str
        What ranks the variants, on selection.
    larger_is_better : bool
    leaderboard : tuple of Entry
        Ranked variants, refused ones, baselines.
    alarms : tuple of Alarm
    variants : tuple of Variant
        In the order of the leaderboard.
    data : Data
    sample : Sample
    sweeps : tuple of Swept
        The last of each variant that has one.
    standing : Standing or None
        None where nothing is known of the registry.
    provenance : Provenance
    keys : dict of str to str
        Of the stages that are there once.
    """

    name: str
    metric: str
    larger_is_better: bool
    leaderboard: tuple[Entry, ...]
    alarms: tuple[Alarm, ...]
    variants: tuple[Variant, ...]
    data: Data
    sample: Sample
    sweeps: tuple[Swept, ...]
    standing: Standing | None
    provenance: Provenance
    keys: dict[str, str]

    @property
    def winner(self) -> Entry | None:
        """The first of the ranked; None where every variant was refused."""
        return next((entry for entry in self.leaderboard if entry.rank == 1), None)
