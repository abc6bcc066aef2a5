"""Measure a package through the runtime that serves it."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation import baselines, detection, generation, guards, latent, reconstruction
from hourglass.evaluation.portrait.portray import portray
from hourglass.evaluation.portrait.rows import Rows, in_net_units
from hourglass.params import EvaluateParams
from hourglass.runtime import Model

#: Rows shown in the report: this many of each kind.
EXAMPLES = 12


@dataclass(frozen=True)
class Measured:
    """A split as a model sees it.

    Parameters
    ----------
    x : ndarray of shape (rows, *shape)
        In the nets' units.
    residuals : ndarray of shape (rows, *shape)
    scores : ndarray of shape (rows,)
    anomaly : ndarray of bool, shape (rows,)
    label, index : ndarray of shape (rows,)
    """

    x: NDArray[np.float32]
    residuals: NDArray[Any]
    scores: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    label: NDArray[np.int64]
    index: NDArray[np.int64]

    @classmethod
    def of(cls, model: Model, dataset: Dataset, split: str) -> "Measured":
        """Run a split through a model."""
        rows, raw = dataset.rows(split), dataset.raw(split)
        return cls(
            x=dataset.normaliser(np.asarray(rows.x)),
            residuals=model.residuals(raw),
            scores=model.score(raw)["anomaly_score"].to_numpy(),
            anomaly=dataset.is_anomaly(rows.label),
            label=np.asarray(rows.label),
            index=np.asarray(rows.index),
        )

    def errors(self, residuals: NDArray[Any]) -> NDArray[np.float64]:
        """Squared errors of the normal rows."""
        return reconstruction.row_errors(residuals[~self.anomaly])


def evaluate(model: Model, dataset: Dataset, settings: EvaluateParams, *, seed: int) -> tuple[dict[str, Any], Any]:
    """Measure a model on selection and test, beside PCA and its own net before training.

    Returns
    -------
    dict
        What was found, as JSON: ``selection`` and ``test`` metrics of ``model``, ``pca`` and ``untrained``, the
        posterior, guards, how far samples cover the data, alarms, curves and the portrait.
    dict of str to ndarray
        Scores, codes, examples and the portrait's arrays for pictures.
    """
    train = dataset.normaliser(np.asarray(dataset.rows("train").x))
    found: dict[str, Any] = {"variant": model.config["variant"], "latent": model.latent, "alpha": model.config["alpha"]}
    found["pca_components"] = baselines.components(model.latent, prod(model.config["shape"]))
    found |= {"threshold": model.threshold, "nominal": model.config["nominal"]}
    measured = {split: Measured.of(model, dataset, split) for split in ("selection", "test")}
    for split, rows in measured.items():
        residuals = {
            "model": rows.residuals,
            "pca": baselines.pca_residuals(train, rows.x, model.latent),
            "untrained": baselines.untrained_residuals(model.config, rows.x, seed=seed),
        }
        found[split] = {name: _metrics(name, rows, residuals, settings, seed) for name in residuals}
        found[split]["model"] |= _alarms(rows, model.threshold)
        if split == "selection":
            errors, untrained = (rows.errors(residuals[name]) for name in ("model", "untrained"))
    codes = model.posterior(dataset.raw("selection"))
    spread = latent.posterior(codes["z"], codes["logvar"]) if "logvar" in codes else {}
    found["posterior"] = spread | {"effective_dimension": latent.effective_dimension(codes["z"])}
    selection = measured["selection"]
    found["failures"] = guards.failures(model, selection.scores, selection.anomaly, spread)
    found["failures"] += guards.untrained(errors, untrained)
    test = measured["test"]
    if _has_both(test.anomaly):
        found["curves"] = detection.curves(test.scores, test.anomaly)
    found["generation"] = _generation(model, train, test, seed)
    found["alarms"] = generation.alarms(found["generation"])
    held_out, said = _held_out(model, dataset, settings, seed)
    found["portrait"], portrait = _portrait(model, dataset, held_out, said, test, seed)
    return found, _arrays(model, held_out, said["z"], test, seed) | portrait


def _metrics(
    name: str, rows: Measured, residuals: dict[str, NDArray[Any]], settings: EvaluateParams, seed: int
) -> dict[str, float]:
    errors = rows.errors(residuals[name])
    draws = {"resamples": settings.bootstrap, "seed": seed}
    metrics = reconstruction.mean_error(errors)
    metrics |= reconstruction.relative_error(errors, rows.errors(residuals["pca"]), **draws)
    if _has_both(rows.anomaly):
        scores = rows.scores if name == "model" else reconstruction.row_errors(residuals[name])
        metrics |= detection.auroc(scores, rows.anomaly)
        metrics |= detection.average_precision(scores, rows.anomaly, **draws)
    return metrics


def _alarms(rows: Measured, threshold: float) -> dict[str, float]:
    alarms = detection.rate_above(rows.scores[~rows.anomaly], threshold, "false_alarm_rate")
    if rows.anomaly.any():
        alarms |= detection.rate_above(rows.scores[rows.anomaly], threshold, "detection_rate")
    return alarms


def _generation(model: Model, train: NDArray[Any], test: Measured, seed: int) -> dict[str, Any]:
    """Compare as many samples, held-out normal rows and training rows."""
    normal = test.x[~test.anomaly]
    count = min(len(normal), len(train), generation.ROWS)
    draw = np.random.default_rng(seed)
    held_out, reachable = (draw.permutation(rows)[:count] for rows in (normal, train))
    return generation.compare(held_out, in_net_units(model, model.sample(max(count, 1), seed=seed)), reachable)


def _has_both(anomaly: NDArray[np.bool_]) -> bool:
    return bool(anomaly.any() and not anomaly.all())


def _held_out(
    model: Model, dataset: Dataset, settings: EvaluateParams, seed: int
) -> tuple[Rows, dict[str, NDArray[Any]]]:
    """Choose rows of the splits that training never saw, and tell what the encoder says of them."""
    parts = [_rows(dataset, split) for split in ("calibration", "selection", "test")]
    raws = [part.raw for part in parts]
    raw = pd.concat(raws) if isinstance(raws[0], pd.DataFrame) else np.concatenate(raws)
    label, index = (np.concatenate([getattr(part, name) for part in parts]) for name in ("label", "index"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(label))[: settings.map_rows])
    held_out = Rows(raw, label, index).take(chosen)
    return held_out, model.posterior(held_out.raw)


def _rows(dataset: Dataset, split: str) -> Rows:
    rows = dataset.rows(split)
    return Rows(dataset.raw(split), np.asarray(rows.label), np.asarray(rows.index))


def _portrait(
    model: Model, dataset: Dataset, held_out: Rows, said: dict[str, NDArray[Any]], test: Measured, seed: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Portray the model by normal rows that it can judge."""
    judged = np.flatnonzero(np.isfinite(said["z"]).all(axis=1) & ~dataset.is_anomaly(held_out.label))
    normal = np.flatnonzero(np.isfinite(test.scores) & ~test.anomaly)
    chosen = {name: values[judged] for name, values in said.items()}
    return portray(model, held_out.take(judged), chosen, _rows(dataset, "test").take(normal), seed=seed)


def _arrays(model: Model, held_out: Rows, z: NDArray[Any], test: Measured, seed: int) -> dict[str, NDArray[Any]]:
    examples = _examples(test)
    originals = np.concatenate([test.x[places] for places in examples.values()])
    rebuilt = originals + np.concatenate([test.residuals[places] for places in examples.values()])
    arrays = {
        "map_z": z,
        "map_label": held_out.label,
        "map_index": held_out.index,
        "test_score": test.scores,
        "test_label": test.label,
        "test_index": test.index,
        "example_x": originals,
        "example_x_hat": rebuilt.astype(np.float32),
        "sample_x": in_net_units(model, model.sample(2 * EXAMPLES, seed=seed)),
    }
    arrays |= {f"example_{name}": places for name, places in examples.items()}
    return arrays


def _examples(test: Measured) -> dict[str, NDArray[np.int64]]:
    """Choose rows to show: the first normal rows and anomalies, the worst and best rebuilt normal rows."""
    normal, anomalies = np.flatnonzero(~test.anomaly), np.flatnonzero(test.anomaly)
    ranked = normal[np.argsort(test.scores[normal], kind="stable")]
    return {
        "typical": normal[:EXAMPLES],
        "anomalous": anomalies[:EXAMPLES],
        "worst": ranked[::-1][:EXAMPLES],
        "best": ranked[:EXAMPLES],
    }
