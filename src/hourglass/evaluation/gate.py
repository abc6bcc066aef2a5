"""Whether a challenger may take the champion's place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import t

from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation import baselines, detection, guards, latent, reconstruction
from hourglass.evaluation.compare import LARGER_IS_BETTER
from hourglass.evaluation.parts import parts, sample, scores
from hourglass.runtime import Model

#: What each row adds to a metric, for each class of rows.
Parts = tuple[NDArray[np.float64], ...]
#: Gains that are tried for the bound on the logit scale, about 1e-4 apart.
_STEPS = 10_000


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
        pca, found = baselines.Pca.of(dataset, model.latent), []
        for rows, first_row in parts(dataset, split):
            raw, x = dataset.as_given(rows), dataset.normaliser(rows.x)
            rebuilt = dataset.normaliser(dataset.schema.encode(model.reconstruct(raw, first_row=first_row))[0])
            judged = model.score(raw, first_row=first_row)
            errors = (reconstruction.row_errors(residuals) for residuals in (rebuilt - x, pca.residuals(x)))
            found.append((judged["anomaly_score"].to_numpy(), *errors))
        return cls(*map(np.concatenate, zip(*found, strict=True)))

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Rows that the model could judge."""
        return np.isfinite(self.scores) & np.isfinite(self.errors)

    def rows(self, which: NDArray[Any]) -> "Evidence":
        """Take the rows with the given positions, or where a mask of shape (rows,) holds."""
        return Evidence(self.scores[which], self.errors[which], self.baseline[which])


def faults(model: Model, dataset: Dataset) -> list[str]:
    """List what bars a model from promotion whatever its rival, as found on selection."""
    codes = model.posterior(dataset.as_given(dataset.take("selection", sample(dataset, "selection"))))
    spread = latent.posterior(codes["z"], codes["logvar"]) if "logvar" in codes else {}
    anomaly = dataset.is_anomaly(dataset.labels("selection"))
    return guards.failures(model, scores(model, dataset, "selection"), anomaly, dataset.stretches("selection"), spread)


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
    """Measure the gain, with a lower bound on which several methods agree; all see each row through both models.

    The bound is the smallest of: the paired percentile bootstrap within the classes; Student's t with the variance of
    the delta method (for the AUROC DeLong's) and the degrees of freedom of Welch and Satterthwaite; and for the AUROC
    the same on the logit scale. The bootstrap alone is too optimistic where anomalies are few, Student's t where the
    AUROC is near 1. Rows that one of the two models can't judge count for neither.

    Source: Efron & Tibshirani 1993; DeLong, DeLong & Clarke-Pearson 1988; Welch 1947; Qin & Hotilovac 2008.

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
    anomaly, sign = anomaly[judged], 1 if LARGER_IS_BETTER[metric] else -1
    old, new = (_METRICS[metric](one.rows(judged), anomaly) for one in (champion, challenger))
    values = [one.value(np.ones(len(anomaly))) for one in (old, new)]
    draw = np.random.default_rng(seed)
    drawn = (detection.resample(anomaly, draw) for _ in range(resamples))
    low = [
        float(np.quantile([sign * (new.value(times) - old.value(times)) for times in drawn], 1 - confidence)),
        sign * (values[1] - values[0]) - _half_width(old.parts(), new.parts(), confidence),
    ]
    if metric == "auroc":
        low.append(_bound_by_logits(values, old.parts(), new.parts(), confidence))
    return Gain(champion=values[0], challenger=values[1], gain=sign * (values[1] - values[0]), low=min(low))


class _Auroc:
    def __init__(self, evidence: Evidence, anomaly: NDArray[np.bool_]) -> None:
        self._scores, self._anomaly = evidence.scores, anomaly
        self._order = np.argsort(evidence.scores, kind="stable")
        ranked = evidence.scores[self._order]
        self._hits = anomaly[self._order]
        self._ties = np.flatnonzero(np.append(True, np.diff(ranked) != 0))

    def value(self, times: NDArray[np.float64]) -> float:
        """Compute the metric where each row counts so many times."""
        times = times[self._order]
        anomalies, normal = (np.add.reduceat(times * which, self._ties) for which in (self._hits, ~self._hits))
        below = np.cumsum(normal) - normal / 2
        return float(anomalies @ below / (anomalies.sum() * normal.sum()))

    def parts(self) -> Parts:
        """Give, for each class, what each row adds to the metric, up to a constant."""
        return detection.placements(self._scores, self._anomaly)


class _RelativeError:
    def __init__(self, evidence: Evidence, anomaly: NDArray[np.bool_]) -> None:
        self._errors, self._baseline, self._normal = evidence.errors, evidence.baseline, ~anomaly

    def value(self, times: NDArray[np.float64]) -> float:
        """Compute the metric where each row counts so many times."""
        times = times * self._normal
        return float(times @ self._errors) / max(float(times @ self._baseline), np.finfo(float).tiny)

    def parts(self) -> Parts:
        """Give what each normal row adds to the metric, up to a constant, to first order."""
        errors, baseline = self._errors[self._normal], self._baseline[self._normal]
        mean = max(float(baseline.mean()), np.finfo(float).tiny)
        return ((errors - errors.mean() / mean * baseline) / mean,)


_METRICS: dict[str, type[_Auroc] | type[_RelativeError]] = {"auroc": _Auroc, "relative_error": _RelativeError}


def _half_width(old: Parts, new: Parts, confidence: float) -> float:
    """Tell how far Student's bound lies below a difference of metrics; no bound where a class has a single row."""
    if any(len(part) < 2 for part in old):
        return np.inf
    deviation, quantile = _student(old, new, np.ones(1), 1.0, confidence)
    return float(quantile[0] * deviation[0])


def _bound_by_logits(areas: list[float], old: Parts, new: Parts, confidence: float) -> float:
    """Give the largest gain of AUROC so small that Student's test on the logit scale finds the true one above it."""
    if any(len(part) < 2 for part in old):
        return -np.inf
    least = 0.5 / (len(old[0]) * len(old[1]))
    champion, challenger = np.clip(areas, least, 1 - least)
    gains = np.linspace(challenger - champion, least - champion, _STEPS)
    rival = champion + gains
    weights = 1 / (rival * (1 - rival))
    deviation, quantile = _student(old, new, weights, 1 / (challenger * (1 - challenger)), confidence)
    above = np.flatnonzero(logit(challenger) - logit(rival) + 1e-9 >= quantile * deviation)
    return float(gains[above[0]]) if len(above) else -np.inf


def _student(
    old: Parts, new: Parts, by: NDArray[np.float64], new_by: float, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give standard error and Student's quantile of ``new_by * new - by * old``, for each of the weights `by`."""
    variances, freedoms = [], []
    for mine, theirs in zip(new, old, strict=True):
        (own, both), (_, other) = np.cov(mine, theirs) / len(mine)
        variances.append(np.maximum(new_by**2 * own - 2 * new_by * by * both + by**2 * other, 0))
        freedoms.append(len(mine) - 1)
    total = sum(variances, np.zeros(len(by)))
    spread = sum((v**2 / f for v, f in zip(variances, freedoms, strict=True)), np.zeros(len(by)))
    freedom = np.maximum(total**2 / np.maximum(spread, np.finfo(float).tiny), 1)
    return np.sqrt(total), t.ppf(confidence, freedom)
