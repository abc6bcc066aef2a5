"""A package is measured by what it serves, with labels or without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from hourglass.data import proposal
from hourglass.data.params import SplitParams, kind_settings
from hourglass.evaluation import generation
from hourglass.evaluation.evaluate import evaluate
from hourglass.files import canonical_json
from hourglass.models.shared.batch import Batch
from hourglass.params import EvaluateParams
from hourglass.runtime import Model
from hourglass.runtime.attribution import heat
from hourglass.training.loop import measure
from tests.conftest import packaged
from tests.sources import read_source

SETTINGS = EvaluateParams(bootstrap=100, map_rows=50, bound_draws=100)
Measured = tuple[dict[str, Any], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def labelled(image_vae: Any) -> Measured:
    return evaluate(image_vae.model, image_vae.dataset, SETTINGS, seed=0)


@pytest.fixture(scope="module")
def unlabelled(table_autoencoder: Any) -> Measured:
    return evaluate(table_autoencoder.model, table_autoencoder.dataset, SETTINGS, seed=0)


@pytest.mark.parametrize("split", ["selection", "test"])
def test_metrics_are_those_of_the_served_scores(image_vae: Any, labelled: Measured, split: str) -> None:
    scores = image_vae.model.score(image_vae.dataset.raw(split))["anomaly_score"]
    anomaly = image_vae.dataset.is_anomaly(image_vae.dataset.rows(split).label)
    found = labelled[0][split]["model"]
    assert found["auroc"] == pytest.approx(roc_auc_score(anomaly, scores))
    assert found["average_precision"] == pytest.approx(average_precision_score(anomaly, scores))
    residuals = image_vae.model.residuals(image_vae.dataset.raw(split))[~anomaly]
    assert found["mse"] == pytest.approx((residuals**2).mean(), rel=1e-5)
    assert found["false_alarm_rate"] == (scores[~anomaly] > image_vae.model.threshold).mean()
    assert found["detection_rate"] == (scores[anomaly] > image_vae.model.threshold).mean()


def test_the_model_beats_its_untrained_net(labelled: Measured, unlabelled: Measured) -> None:
    for found, _ in (labelled, unlabelled):
        assert found["test"]["model"]["mse"] < found["test"]["untrained"]["mse"] / 2
        assert found["failures"] == []


def test_errors_are_relative_to_pcas(labelled: Measured) -> None:
    for split in ("selection", "test"):
        metrics = labelled[0][split]
        assert metrics["pca"]["relative_error"] == 1
        for name in ("model", "untrained"):
            assert metrics[name]["relative_error"] == pytest.approx(metrics[name]["mse"] / metrics["pca"]["mse"])


def test_selection_and_test_are_measured_apart(labelled: Measured, unlabelled: Measured) -> None:
    for found, _ in (labelled, unlabelled):
        assert found["selection"]["model"]["mse"] != found["test"]["model"]["mse"]


def test_data_without_labels_are_ranked_by_their_error(unlabelled: Measured) -> None:
    found = unlabelled[0]
    assert "curves" not in found
    for metrics in (*found["selection"].values(), *found["test"].values()):
        assert "auroc" not in metrics
        assert metrics["relative_error_low"] <= metrics["relative_error"] <= metrics["relative_error_high"]
    assert 0 <= found["test"]["model"]["false_alarm_rate"] <= 1
    assert "detection_rate" not in found["test"]["model"]


def test_a_variational_model_has_a_posterior(labelled: Measured, unlabelled: Measured) -> None:
    assert labelled[0]["posterior"]["kl"] > 0
    assert 1 <= labelled[0]["posterior"]["effective_dimension"] <= 4
    assert set(unlabelled[0]["posterior"]) == {"effective_dimension"}


def test_samples_are_held_against_as_many_held_out_and_training_rows(image_vae: Any, labelled: Measured) -> None:
    found, dataset = labelled[0], image_vae.dataset
    rows = dataset.rows("test")
    assert found["generation"]["rows"] == (~dataset.is_anomaly(np.asarray(rows.label))).sum()
    assert found["generation"]["train"]["coverage"] > 0.9
    assert 0 < found["generation"]["samples"]["coverage"] < 0.9
    assert found["alarms"] == generation.alarms(found["generation"])


def test_bounds_are_those_of_the_net_that_was_trained(image_vae: Any, labelled: Measured) -> None:
    found = labelled[0]["bounds"]
    normal = np.flatnonzero(~image_vae.dataset.is_anomaly(image_vae.dataset.labels("test")))
    assert found["rows"] == len(normal)
    assert [one["draws"] for one in found["iwae"]] == [1, 10, 100]
    bounds = [one["bound"] for one in found["iwae"]]
    assert bounds == sorted(bounds)
    assert found["elbo"] == pytest.approx(-found["rate"] - found["distortion"])
    rows = Batch.of(torch.from_numpy(image_vae.dataset.normaliser(image_vae.dataset.take("test", normal).x)))
    terms = measure(image_vae.trained.model, rows, seed=0)
    assert found["rate"] == pytest.approx(terms["kl"], rel=1e-5)
    assert found["distortion"] == pytest.approx(terms["reconstruction"], abs=0.5), "one draw each"


def test_information_and_the_marginals_divergence_are_the_kl(labelled: Measured) -> None:
    found = labelled[0]["posterior"]
    assert found["mutual_information"] + found["marginal_kl"] == pytest.approx(found["kl"])


def test_a_model_without_a_posterior_has_no_bounds(unlabelled: Measured) -> None:
    assert unlabelled[0]["bounds"] == {}


def test_codes_tell_classes_far_better_than_chance_and_stand_beside_pcas(labelled: Measured) -> None:
    found = labelled[0]["representation"]
    for name in ("model", "pca"):
        assert found[name]["majority"] < 0.2
        assert found[name]["neighbours"] > 0.6
        assert found[name]["linear_low"] < found[name]["linear"] < found[name]["linear_high"]
        assert 0.3 < found[name]["nmi"] < 1
    assert found["classes"] == 9


def test_rows_without_labels_have_neighbours_alone(unlabelled: Measured) -> None:
    found = unlabelled[0]["representation"]
    assert set(found) == {"compared", "sets", "model", "pca"}
    assert set(found["model"]) == {"trustworthiness", "continuity"}
    assert found["model"]["trustworthiness"] > 0.8


def test_codes_from_where_codes_are_come_no_less_near_than_those_of_the_prior(labelled: Measured) -> None:
    found = labelled[0]["generation"]
    drawn, prior = found["aggregate"], found["samples"]
    assert found["train"]["frechet"] < drawn["frechet"] < prior["frechet"] + 3 * prior["frechet_sd"]
    assert drawn["coverage"] > prior["coverage"] - 3 * prior["coverage_sd"]
    assert min(drawn["frechet_sd"], prior["frechet_sd"]) > 0, "sets of samples differ"
    assert found["space"].startswith("the first 32 principal components")
    assert "memorised" not in found["train"]


def test_samples_stand_beside_the_nearest_training_row(image_vae: Any, labelled: Measured) -> None:
    samples, nearest = labelled[1]["sample_x"], labelled[1]["nearest_x"]
    train = image_vae.dataset.normaliser(image_vae.dataset.rows("train").x)
    assert nearest.shape == samples.shape
    expected = np.square(train - samples[0]).reshape(len(train), -1).sum(1).min()
    assert np.square(nearest[0] - samples[0]).sum() == pytest.approx(expected, rel=1e-4)


def test_every_result_names_its_setting(labelled: Measured, unlabelled: Measured) -> None:
    stated = {name: labelled[0][name] for name in ("variant", "latent", "pca_components", "alpha", "nominal")}
    assert stated == {"variant": "vae", "latent": 4, "pca_components": 4, "alpha": 0.1, "nominal": False}
    assert unlabelled[0]["nominal"] is True


def test_results_are_json(labelled: Measured, unlabelled: Measured) -> None:
    for found, _ in (labelled, unlabelled):
        assert json.loads(canonical_json(found)) == found


def test_measuring_twice_gives_the_same(image_vae: Any, labelled: Measured) -> None:
    found, arrays = evaluate(image_vae.model, image_vae.dataset, SETTINGS, seed=0)
    assert found == labelled[0]
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, labelled[1][name])


@pytest.mark.long
@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_a_model_that_cannot_judge_some_rows_is_measured_on_the_others_and_fails(
    image_vae: Any, labelled: Measured, monkeypatch: pytest.MonkeyPatch, spoilt: float
) -> None:
    score = Model.score

    def overflowing(model: Model, *rows: Any, **beside: Any) -> Any:
        judged = score(model, *rows, **beside)
        judged.loc[judged.index[::7], "anomaly_score"] = spoilt
        return judged

    monkeypatch.setattr(Model, "score", overflowing)
    found, arrays = evaluate(image_vae.model, image_vae.dataset, SETTINGS, seed=0)
    assert found["failures"][0] == "scores are not finite"
    assert json.loads(canonical_json(found)) == found
    kept, anomaly = np.isfinite(arrays["test_score"]), image_vae.dataset.is_anomaly(arrays["test_label"])
    assert 0 < kept.sum() < len(kept)
    expected = roc_auc_score(anomaly[kept], arrays["test_score"][kept])
    assert found["test"]["model"]["auroc"] == pytest.approx(expected)
    assert np.isfinite(arrays["test_score"][arrays["example_worst"]]).all()


def test_the_map_holds_rows_that_train_never_saw(image_vae: Any, labelled: Measured) -> None:
    arrays = labelled[1]
    assert arrays["map_z"].shape == (50, 4)
    for split in ("train", "validation"):
        assert not np.isin(arrays["map_index"], image_vae.dataset.rows(split).index).any()


def test_examples_are_what_their_names_say(image_vae: Any, labelled: Measured) -> None:
    arrays, test = labelled[1], image_vae.dataset.rows("test")
    scores, anomaly = arrays["test_score"], image_vae.dataset.is_anomaly(arrays["test_label"])
    np.testing.assert_array_equal(arrays["test_index"], test.index)
    assert anomaly[arrays["example_anomalous"]].all()
    assert not anomaly[arrays["example_worst"]].any()
    assert scores[arrays["example_worst"][0]] == scores[~anomaly].max()
    assert scores[arrays["example_best"][0]] == scores[~anomaly].min()


def test_examples_stand_beside_their_reconstruction(image_vae: Any, labelled: Measured) -> None:
    arrays = labelled[1]
    shown = np.concatenate([arrays[f"example_{name}"] for name in ("typical", "anomalous", "worst", "best")])
    raw = image_vae.dataset.raw("test")[shown]
    normaliser = image_vae.dataset.normaliser
    np.testing.assert_allclose(normaliser.inverse(arrays["example_x"][:, 0]), raw, atol=1e-5)
    rebuilt = image_vae.model.reconstruct(raw)
    np.testing.assert_allclose(normaliser.inverse(arrays["example_x_hat"][:, 0]), rebuilt, atol=1e-4)


def test_samples_are_in_the_nets_units(image_vae: Any, labelled: Measured) -> None:
    drawn = image_vae.dataset.normaliser.inverse(labelled[1]["sample_x"][:, 0])
    np.testing.assert_allclose(drawn, image_vae.model.sample(len(drawn), seed=0), atol=1e-4)


def test_each_anomalous_class_and_the_bands_are_measured_on_test(image_vae: Any, labelled: Measured) -> None:
    found, arrays = labelled
    names = image_vae.dataset.info["classes"]
    anomaly = image_vae.dataset.is_anomaly(arrays["test_label"])
    assert {name: one["rows"] for name, one in found["classes"].items()} == {names[8]: anomaly.sum()}
    assert found["classes"][names[8]]["auroc"] == found["test"]["model"]["auroc"]
    operating = found["test"]["model"]["false_alarm_rate"], found["test"]["model"]["detection_rate"]
    x, low, high = np.array(found["curves"]["roc_band"]).T
    at = np.abs(x - operating[0]).argmin()
    assert low[at] <= operating[1] <= high[at]
    assert found["calibrated_on"] == "clean"
    assert "series" not in found


def test_examples_of_images_have_maps_of_where_their_score_comes_from(image_vae: Any, labelled: Measured) -> None:
    arrays = labelled[1]
    place = arrays["example_worst"][0]
    parts = image_vae.model.attribute(image_vae.dataset.raw("test")[[place]])
    at = len(arrays["example_typical"]) + len(arrays["example_anomalous"])
    drawn = arrays["example_map"][at]
    assert drawn.dtype == np.uint8
    np.testing.assert_allclose(drawn, heat(parts, image_vae.model.threshold)[0], atol=1)


def test_rows_that_are_no_images_have_no_maps(unlabelled: Measured) -> None:
    assert "example_map" not in unlabelled[1]
    assert unlabelled[0]["calibrated_on"] == "unlabelled"


def test_the_strangest_rows_come_first_with_their_reasons(table_autoencoder: Any, unlabelled: Measured) -> None:
    found, arrays = unlabelled
    scores = arrays["test_score"]
    assert [one["score"] for one in found["strangest"]] == sorted(scores, reverse=True)[:8]
    first = found["strangest"][0]
    place = int(np.flatnonzero(arrays["test_index"] == first["row"])[0])
    parts = table_autoencoder.model.attribute(table_autoencoder.dataset.raw("test").iloc[[place]]).iloc[0]
    assert [name for name, _ in first["reasons"]] == list(parts.nlargest(3).index)
    assert first["reasons"][0][1] == pytest.approx(parts.max() / parts.sum(), rel=1e-5)
    assert first["class"] == -1


@pytest.mark.long
def test_anomalies_of_series_are_measured_in_time(waves: Any, tmp_path: Path) -> None:
    broken = waves["heat"].to_numpy().copy()
    broken[[*range(1200, 1220), *range(2750, 2770)]] += 30
    waves.assign(heat=broken, state=np.where(broken > 75, "broken", "fine")).to_csv(tmp_path / "waves.csv", index=False)
    given = {"time": "when", "series": "machine", "window": 16, "stride": 4}
    proposed = proposal.proposed_params(
        "waves.csv", label="state", normal=["fine"], signal=kind_settings("signal", given)
    )
    data, _, _ = proposal.settled(str(tmp_path / "waves.csv"), proposed, SplitParams())
    raw = read_source(str(tmp_path / "waves.csv"), data)
    model = packaged(raw, data, "autoencoder", {"latent": 4, "hidden": [32]}, tmp_path / "all")
    found, _ = evaluate(model.model, model.dataset, SETTINGS, seed=0)
    series = found["series"]
    assert set(series) == {"model", "pca", "untrained"}
    assert series["model"]["events"] >= 1
    assert series["model"]["event_recall"] == 1
    assert series["model"]["vus_pr"] > 0.5
    assert list(series["pca"]) == ["vus_pr"]
    assert model.model.config["calibrated_on"] == "clean"
    assert model.model.config["nominal"] is True
