"""Measure a package through the runtime that serves it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation import (
    bands,
    baselines,
    classes,
    detection,
    generation,
    guards,
    latent,
    reconstruction,
    series,
    strangest,
)
from hourglass.evaluation.generated import generated, known
from hourglass.evaluation.information import information
from hourglass.evaluation.likelihood import likelihood
from hourglass.evaluation.localisation import localisation, masks_of
from hourglass.evaluation.parts import mapped, parts, sample
from hourglass.evaluation.portrait.attributes import attribute_directions
from hourglass.evaluation.portrait.portray import portray
from hourglass.evaluation.portrait.rows import Rows, in_net_units
from hourglass.evaluation.representation import representation
from hourglass.params import EvaluateParams
from hourglass.runtime import Model
from hourglass.runtime.attribution import heat
from hourglass.runtime.signal import SignalSchema

#: Rows shown in the report: this many of each kind.
EXAMPLES = 12
#: Normal rows of test that the portrait is made of, at most; it shows the first ones.
_PORTRAYED = 4096
#: Training rows that a portrait's rivals are fitted to, at most.
_FITTED = 1024

#: Gives the residuals of rows in the nets' units: shape of the rows.
Rival = Callable[[NDArray[np.float32]], NDArray[Any]]


@dataclass(frozen=True)
class Measured:
    """What is known of each row of a split.

    Parameters
    ----------
    errors : dict of str to ndarray of shape (rows,)
        Squared errors in the nets' units of ``model``, ``pca`` and ``untrained``.
    scores : ndarray of shape (rows,)
    spread : ndarray of shape (rows,)
        Standard deviation of the scores of an ensemble's members; 0 for a net alone.
    anomaly : ndarray of bool, shape (rows,)
    label, index : ndarray of shape (rows,)
    """

    errors: dict[str, NDArray[np.float64]]
    scores: NDArray[np.float64]
    spread: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    label: NDArray[np.int64]
    index: NDArray[np.int64]

    @classmethod
    def of(cls, model: Model, dataset: Dataset, split: str, rivals: Mapping[str, Rival]) -> "Measured":
        """Run a split through a model and its rivals, which give the residuals of rows in the nets' units."""
        found = []
        for rows, first_row in parts(dataset, split):
            raw, x = dataset.as_given(rows), dataset.normaliser(rows.x)
            residuals = [model.residuals(raw, first_row=first_row), *(rival(x) for rival in rivals.values())]
            judged = model.score(raw, first_row=first_row)
            scores, spread = judged["anomaly_score"].to_numpy(), judged.get("score_spread", np.zeros(len(judged)))
            found.append((scores, spread, rows.label, rows.index, *map(reconstruction.row_errors, residuals)))
        scores, spread, label, index, *errors = map(np.concatenate, zip(*found, strict=True))
        names = ("model", *rivals)
        return cls(dict(zip(names, errors, strict=True)), scores, spread, dataset.is_anomaly(label), label, index)

    def of_normal(self, name: str) -> NDArray[np.float64]:
        """Squared errors of the normal rows."""
        return self.errors[name][~self.anomaly]

    def judged(self) -> NDArray[np.int64]:
        """Places of the normal rows that the model can judge."""
        return np.flatnonzero(self._known & ~self.anomaly)

    def of_judged(self) -> "Measured":
        """Leave out the rows that the model can't judge, of which a guard tells."""
        kept = self._known
        errors = {name: values[kept] for name, values in self.errors.items()}
        return Measured(
            errors, *(getattr(self, name)[kept] for name in ("scores", "spread", "anomaly", "label", "index"))
        )

    @property
    def _known(self) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(self.scores) & np.isfinite(self.errors["model"]))


def evaluate(model: Model, dataset: Dataset, settings: EvaluateParams, *, seed: int) -> tuple[dict[str, Any], Any]:
    """Measure a model on selection and test, beside PCA and its own net before training.

    Returns
    -------
    dict
        What was found, as JSON: ``selection`` and ``test`` metrics of ``model``, ``pca`` and ``untrained``, the
        posterior, bounds on log p(x), what codes are good for, guards, how far samples cover the data, alarms, curves
        and the portrait; of an ensemble how far its members are apart; of images with masks how well maps show them.
    dict of str to ndarray
        Scores, codes, examples and the portrait's arrays for pictures.
    """
    pca, untrained = baselines.Pca.of(dataset, model.latent), baselines.untrained_net(model.config, seed=seed)
    rivals: dict[str, Rival] = {
        "pca": pca.residuals,
        "untrained": lambda x: baselines.untrained_residuals(untrained, x),
    }
    measured = {split: Measured.of(model, dataset, split, rivals) for split in ("selection", "test")}
    judged = {split: _judged(rows, split, model.config["variant"]) for split, rows in measured.items()}
    test = measured["test"]

    found = _setting(model)
    for split, rows in judged.items():
        found[split] = {name: _metrics(name, rows, settings, seed) for name in rows.errors}
        found[split]["model"] |= _alarms(rows, model.threshold)
    found["posterior"] = _posterior(model, dataset, seed)
    selection = measured["selection"]
    found["failures"] = guards.failures(
        model, selection.scores, selection.anomaly, dataset.stretches("selection"), found["posterior"]
    )
    found["failures"] += guards.untrained(*map(judged["selection"].of_normal, ("model", "untrained")))
    if model.members > 1:
        found["ensemble"] = _agreement(model, judged["test"])
    if _has_both(judged["test"].anomaly):
        found |= _detection(model, dataset, judged["test"], settings, seed)
    if model.config["schema"]["kind"] == "image":
        pixels = localisation(model, dataset, rivals, test.index, test.scores)
        found |= {"pixels": pixels} if pixels is not None else {}
    found["bounds"] = likelihood(model, dataset, test.judged(), settings, seed=seed)
    found["representation"] = representation(model, dataset, pca, seed=seed)
    found["strangest"] = strangest.of_split(model, dataset, "test", test.scores)
    covered, samples = _generation(model, dataset, test, seed)
    held_out, said = _held_out(model, dataset, settings, seed)
    found["portrait"], portrait = _portrait(model, dataset, held_out, said, measured, seed)
    arrays = _arrays(model, dataset, held_out, said["z"], test)
    return found | covered, arrays | portrait | samples


def _setting(model: Model) -> dict[str, Any]:
    """Say what was measured."""
    config = model.config
    return {
        "variant": config["variant"],
        "latent": model.latent,
        "pca_components": baselines.components(model.latent, prod(config["shape"])),
        "alpha": config["alpha"],
        "threshold": model.threshold,
        "nominal": config["nominal"],
        "calibrated_on": config.get("calibrated_on", "unlabelled" if config["nominal"] else "clean"),
    }


def _generation(model: Model, dataset: Dataset, test: Measured, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell how far samples cover the normal rows of test, and give those that are shown."""
    asked = known(model, dataset, 2 * EXAMPLES, seed=seed)
    samples = in_net_units(model, model.sample(2 * EXAMPLES, seed=seed, condition=asked))
    found, nearest = generated(model, dataset, np.flatnonzero(~test.anomaly), samples, seed=seed)
    said = {"generation": found, "alarms": generation.alarms(found), "samples_told": asked is not None}
    return said, nearest | {"sample_x": samples}


def _posterior(model: Model, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Tell how the codes of selection spread and, of a variational model, what each unit says of rows."""
    _, codes = _said(model, _rows(dataset, "selection", sample(dataset, "selection")))
    found: dict[str, Any] = {"effective_dimension": latent.effective_dimension(codes["z"])}
    if "logvar" in codes:
        found |= latent.posterior(codes["z"], codes["logvar"])
        found |= information(codes["z"], codes["logvar"], seed=seed)
    return found


def _judged(rows: Measured, split: str, variant: str) -> Measured:
    """Take the rows that can be judged; there have to be normal ones."""
    judged = rows.of_judged()
    if judged.anomaly.all():
        raise HourglassError(
            f"{variant} can judge no normal row of {split}, for numbers overflow in its net; train it with a lower "
            "train.lr."
        )
    return judged


def _metrics(name: str, rows: Measured, settings: EvaluateParams, seed: int) -> dict[str, float]:
    errors = rows.of_normal(name)
    draws = {"resamples": settings.bootstrap, "seed": seed}
    metrics = reconstruction.mean_error(errors)
    metrics |= reconstruction.relative_error(errors, rows.of_normal("pca"), **draws)
    if _has_both(rows.anomaly):
        scores = rows.scores if name == "model" else rows.errors[name]
        metrics |= detection.auroc(scores, rows.anomaly)
        metrics |= detection.average_precision(scores, rows.anomaly, **draws)
    return metrics


def _alarms(rows: Measured, threshold: float) -> dict[str, float]:
    alarms = detection.rate_above(rows.scores[~rows.anomaly], threshold, "false_alarm_rate")
    if rows.anomaly.any():
        alarms |= detection.rate_above(rows.scores[rows.anomaly], threshold, "detection_rate")
    return alarms


def _detection(model: Model, dataset: Dataset, test: Measured, settings: EvaluateParams, seed: int) -> dict[str, Any]:
    """Tell what is found of the anomalies of test: curves with their bands, each class, and of series the events."""
    of_test = (test.scores, test.anomaly)
    curves = detection.curves(*of_test) | {"roc_band": bands.roc(*of_test)}
    curves["pr_band"] = bands.precision_recall(*of_test, resamples=settings.bootstrap, seed=seed)
    names = dataset.info["classes"]
    found = {
        "curves": curves,
        "classes": classes.of_each(test.scores, test.label, test.anomaly, names, model.threshold),
    }
    if isinstance(model.schema, SignalSchema):
        found["series"] = {name: _in_time(model, dataset, test, name) for name in test.errors}
    return found


def _in_time(model: Model, dataset: Dataset, test: Measured, name: str) -> dict[str, Any]:
    schema = model.schema
    assert isinstance(schema, SignalSchema)  # noqa: S101
    scores = test.scores if name == "model" else test.errors[name]
    return series.of_windows(
        scores,
        test.anomaly,
        test.index,
        borders=dataset.borders,
        reach=ceil(schema.window / schema.stride),
        per_day=86_400e9 / (schema.period * schema.stride),
        threshold=model.threshold if name == "model" else None,
    )


def _agreement(model: Model, rows: Measured) -> dict[str, float]:
    """Tell how far the members' scores of normal rows are apart, in parts of the score: the median over rows."""
    normal = ~rows.anomaly & (rows.scores > 0)
    apart = rows.spread[normal] / rows.scores[normal]
    return {"members": model.members, "relative_spread": float(np.median(apart)) if len(apart) else 0.0}


def _has_both(anomaly: NDArray[np.bool_]) -> bool:
    return bool(anomaly.any() and not anomaly.all())


def _held_out(
    model: Model, dataset: Dataset, settings: EvaluateParams, seed: int
) -> tuple[Rows, dict[str, NDArray[Any]]]:
    """Take rows of the splits that training never saw, and tell what the encoder says of them."""
    chosen = mapped(dataset, settings.map_rows, seed)
    found = [_rows(dataset, split, places) for split, places in chosen.items()]
    raws = [rows.raw for rows in found if len(rows)]
    raw = pd.concat(raws) if isinstance(raws[0], pd.DataFrame) else np.concatenate(raws)
    label, index = (np.concatenate([getattr(rows, name) for rows in found]) for name in ("label", "index"))
    return _said(model, Rows(raw, label, index))


def _said(model: Model, rows: Rows) -> tuple[Rows, dict[str, NDArray[Any]]]:
    """Take the rows that have a code, and what the encoder says of them."""
    said = model.posterior(rows.raw)
    known = np.flatnonzero(np.isfinite(said["z"]).all(axis=1))
    return rows.take(known), {name: values[known] for name, values in said.items()}


def _rows(dataset: Dataset, split: str, places: NDArray[np.int64]) -> Rows:
    rows = dataset.take(split, places)
    return Rows(dataset.as_given(rows), rows.label, rows.index)


def _portrait(
    model: Model,
    dataset: Dataset,
    held_out: Rows,
    said: dict[str, NDArray[Any]],
    measured: Mapping[str, Measured],
    seed: int,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Portray the model by normal rows that it can judge."""
    normal = np.flatnonzero(~dataset.is_anomaly(held_out.label))
    chosen = {name: values[normal] for name, values in said.items()}
    test, tuning = (_rows(dataset, split, measured[split].judged()[:_PORTRAYED]) for split in ("test", "selection"))
    train = _rows(dataset, "train", sample(dataset, "train", _FITTED))
    normal_rows = held_out.take(normal)
    facts, arrays = portray(model, normal_rows, chosen, test, tuning=tuning, train=train, seed=seed)
    attributes, walks = attribute_directions(model, dataset, normal_rows, chosen["z"])
    return facts | ({"attributes": attributes} if attributes else {}), arrays | walks


def _arrays(model: Model, dataset: Dataset, held_out: Rows, z: NDArray[Any], test: Measured) -> dict[str, NDArray[Any]]:
    examples = _examples(test)
    places = np.concatenate(list(examples.values()))
    originals = dataset.normaliser(dataset.take("test", places).x)
    rebuilt = originals + _residuals(model, dataset, places)
    arrays = {
        "map_z": z,
        "map_label": held_out.label,
        "map_index": held_out.index,
        "test_score": test.scores,
        "test_label": test.label,
        "test_index": test.index,
        "example_x": originals,
        "example_x_hat": rebuilt.astype(np.float32),
    }
    arrays |= {f"example_{name}": places for name, places in examples.items()}
    if model.config["schema"]["kind"] == "image":
        arrays["example_map"] = _maps(model, dataset, places)
        masks = masks_of(dataset)
        if len(masks):
            arrays["example_mask"] = masks.of(test.index[places]).astype(np.uint8)
    return arrays


def _maps(model: Model, dataset: Dataset, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw where the scores of images of test come from."""
    return heat(model.attribute(dataset.as_given(dataset.take("test", places))), model.threshold)


def _residuals(model: Model, dataset: Dataset, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute the residuals of single rows of test, to the same bits as those of all."""
    rows = (dataset.as_given(dataset.take("test", places[[number]])) for number in range(len(places)))
    return np.concatenate([model.residuals(row, first_row=int(at)) for row, at in zip(rows, places, strict=True)])


def _examples(test: Measured) -> dict[str, NDArray[np.int64]]:
    """Choose rows to show: the first normal rows and anomalies, the oddest and least odd normal rows."""
    normal, anomalies = np.flatnonzero(~test.anomaly), np.flatnonzero(test.anomaly)
    judged = test.judged()
    ranked = judged[np.argsort(test.scores[judged], kind="stable")]
    return {
        "typical": normal[:EXAMPLES],
        "anomalous": anomalies[:EXAMPLES],
        "worst": ranked[::-1][:EXAMPLES],
        "best": ranked[:EXAMPLES],
    }
