"""Whether a challenger may take the champion's place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation import baselines, detection, reconstruction
from hourglass.evaluation.compare import LARGER_IS_BETTER
from hourglass.runtime import Model


@dataclass(frozen=True)
class Evidence:
    """What a model says of the rows of a split.

    Parameters
    ----------
    scores : ndarray of shape (rows,)
        NaN where the model can't judge.
    errors, baseline : ndarray of shape (rows,)
        Squared errors of the model, and of PCA at its latent width, in the units of the present data set's normaliser.
    """

    scores: NDArray[np.float64]
    errors: NDArray[np.float64]
    baseline: NDArray[np.float64]

    @classmethod
    def of(cls, model: Model, dataset: Dataset, split: str) -> "Evidence":
        """Run a split through a model; two models' evidence on one data set can be compared row by row."""
        raw = dataset.raw(split)
        train, x = (dataset.normaliser(np.asarray(dataset.rows(name).x)) for name in ("train", split))
        rebuilt = dataset.normaliser(dataset.schema.encode(model.reconstruct(raw))[0])
        return cls(
            scores=model.score(raw)["anomaly_score"].to_numpy(),
            errors=reconstruction.row_errors(rebuilt - x),
            baseline=reconstruction.row_errors(baselines.pca_residuals(train, x, model.latent)),
        )

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Rows that the model could judge."""
        return np.isfinite(self.scores) & np.isfinite(self.errors)

    def rows(self, which: NDArray[Any]) -> "Evidence":
        """Take the rows with the given positions, or where a mask holds."""
        return Evidence(self.scores[which], self.errors[which], self.baseline[which])

    def metric(self, name: str, anomaly: NDArray[np.bool_]) -> float:
        """Compute a select metric: larger is better for ``auroc``, smaller for ``relative_error``."""
        if name == "auroc":
            return detection.auroc(self.scores, anomaly)["auroc"]
        return float(self.errors[~anomaly].sum() / max(self.baseline[~anomaly].sum(), np.finfo(float).tiny))


@dataclass(frozen=True)
class Gain:
    """By how much a challenger is better than the champion on the same rows.

    Parameters
    ----------
    champion, challenger : float
        Their metrics.
    gain : float
        The difference, positive where the challenger is better.
    low : float
        The one-sided lower bound of the gain.
    """

    champion: float
    challenger: float
    gain: float
    low: float


def paired_gain(
    metric: str,
    champion: Evidence,
    challenger: Evidence,
    anomaly: NDArray[np.bool_],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Gain:
    """Measure the gain by the paired bootstrap: both models see the same resampled rows (Efron & Tibshirani 1993).

    Rows that one of the two can't judge count for neither. Classes are resampled apart.

    Raises
    ------
    HourglassError
        The rows that both can judge don't allow the metric.
    """
    judged = champion.judged & challenger.judged
    counts = {"normal": int((judged & ~anomaly).sum()), "anomalous": int((judged & anomaly).sum())}
    needed = ("normal", "anomalous") if metric == "auroc" else ("normal",)
    if not all(counts[kind] for kind in needed):
        raise HourglassError(
            f"champion and challenger can't be compared by {metric}: selection has {counts['normal']} normal and "
            f"{counts['anomalous']} anomalous rows that both can judge, and needs {' and '.join(needed)} ones."
        )
    champion, challenger, anomaly = champion.rows(judged), challenger.rows(judged), anomaly[judged]
    sign = 1 if LARGER_IS_BETTER[metric] else -1

    def gain(rows: NDArray[np.int64]) -> float:
        flags = anomaly[rows]
        return sign * (challenger.rows(rows).metric(metric, flags) - champion.rows(rows).metric(metric, flags))

    classes = [places for places in (np.flatnonzero(anomaly), np.flatnonzero(~anomaly)) if len(places)]
    draw = np.random.default_rng(seed)
    gains = [gain(np.concatenate([draw.choice(places, len(places)) for places in classes])) for _ in range(resamples)]
    return Gain(
        champion=champion.metric(metric, anomaly),
        challenger=challenger.metric(metric, anomaly),
        gain=gain(np.arange(len(anomaly))),
        low=float(np.quantile(gains, 1 - confidence)),
    )
