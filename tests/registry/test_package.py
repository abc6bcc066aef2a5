"""A package holds all that its consumer needs, and the same bytes for the same model."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from hourglass import runtime
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.evaluation.baselines import untrained_net
from hourglass.files import digest, folder_hashes
from hourglass.models.shared.priors import Fitted
from hourglass.registry.package import package
from tests.conftest import packaged


def test_the_manifest_lists_every_file_with_its_hash(image_vae: Any) -> None:
    manifest = json.loads((image_vae.folder / "manifest.json").read_text())
    found = folder_hashes(image_vae.folder)
    del found["manifest.json"]
    assert manifest == found
    assert {"config.json", "weights.safetensors", "encode.onnx", "shim.py", "runtime/model.py"} <= set(manifest)


def test_the_same_model_gives_the_same_bytes(image_vae: Any, tmp_path: Path) -> None:
    package(image_vae.trained, image_vae.dataset, 0.1, tmp_path)
    assert folder_hashes(tmp_path) == folder_hashes(image_vae.folder)


def test_the_threshold_is_the_promised_quantile_of_calibration(image_vae: Any) -> None:
    scores = np.sort(image_vae.model.score(image_vae.dataset.raw("calibration"))["anomaly_score"])
    n = len(scores)
    assert image_vae.model.threshold == scores[int(np.ceil((n + 1) * 0.9)) - 1]
    np.testing.assert_array_equal(np.load(image_vae.folder / "calibration.npy"), scores)


def test_normal_rows_raise_about_the_promised_number_of_alarms(image_vae: Any) -> None:
    test = image_vae.dataset.rows("test")
    normal = ~image_vae.dataset.is_anomaly(test.label)
    alarms = image_vae.model.score(image_vae.dataset.raw("test"))["is_anomaly"][normal]
    spread = (0.1 * 0.9 * (1 / normal.sum() + 1 / image_vae.dataset.info["counts"]["calibration"]["rows"])) ** 0.5
    assert alarms.mean() == pytest.approx(0.1, abs=4 * spread)


def test_too_few_calibration_rows_are_refused_with_the_number_needed(table_autoencoder: Any, tmp_path: Path) -> None:
    rows = table_autoencoder.dataset.info["counts"]["calibration"]["rows"]
    with pytest.raises(HourglassError, match=f"{rows} calibration rows are too few for alpha = 0.001: at least 999"):
        package(table_autoencoder.trained, table_autoencoder.dataset, 0.001, tmp_path)


def test_a_variational_model_draws_from_its_prior(image_vae: Any) -> None:
    noise = np.random.Generator(np.random.Philox(3)).standard_normal((5, 4), np.float32)
    np.testing.assert_allclose(image_vae.model.sample(5, seed=3), image_vae.model.decode(noise), rtol=0, atol=1e-4)


def test_a_plain_autoencoder_draws_from_a_fit_to_its_training_codes(table_autoencoder: Any) -> None:
    prior = Fitted(torch.from_numpy(table_autoencoder.model.encode(table_autoencoder.dataset.raw("train"))))
    noise = np.random.Generator(np.random.Philox(3)).standard_normal((5, prior.noise), np.float32)
    expected = table_autoencoder.model.decode(prior(torch.from_numpy(noise)))
    pd.testing.assert_frame_equal(table_autoencoder.model.sample(5, seed=3), expected, rtol=1e-3)


def test_the_weights_are_those_of_the_net(image_vae: Any) -> None:
    shipped = load_file(image_vae.folder / "weights.safetensors")
    for name, value in image_vae.trained.model.state_dict().items():
        assert torch.equal(shipped[name], value)


def test_the_runtime_is_shipped_as_it_is_and_named_by_its_hash(image_vae: Any) -> None:
    shipped = folder_hashes(image_vae.folder / "runtime")
    own = {path.name: path.read_text() for path in Path(runtime.__file__).parent.glob("*.py")}
    assert {name: (image_vae.folder / "runtime" / name).read_text() for name in shipped} == own
    assert image_vae.model.config["runtime"] == digest(shipped)


def test_only_labelled_data_makes_more_than_a_nominal_promise(image_vae: Any, table_autoencoder: Any) -> None:
    assert image_vae.model.config["nominal"] is False
    assert table_autoencoder.model.config["nominal"] is True


def test_nothing_is_a_pickle_or_tells_where_it_was_made(image_vae: Any) -> None:
    files = [path for path in image_vae.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".npy", ".onnx", ".py", ".safetensors"}
    for path in files:
        assert str(Path.home()).encode() not in path.read_bytes()
        assert str(image_vae.folder.parent).encode() not in path.read_bytes()
        if path.suffix == ".npy":
            np.load(path, allow_pickle=False)
    text = " ".join(path.read_text() for path in files if path.suffix == ".json")
    assert not re.search(r"\d{4}-\d{2}-\d{2}|(/[\w.-]+){3}", text)


def test_the_categories_that_settings_name_are_embedded_and_packaged_as_trained(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    many = draw.permutation(np.arange(400) % 40)
    frame = pd.DataFrame({"size": draw.normal(size=400), "few": np.where(many < 9, "a", "b"), "many": many.astype(str)})
    data = DataParams(columns={"few": {"encode": "embedding"}, "many": {"type": "category", "encode": "onehot"}})
    made = packaged(Raw("table", frame, frame), data, "autoencoder", {"latent": 2, "hidden": [8]}, tmp_path / "made")
    assert made.trained.description["embedded"] == [[1, 3]]
    assert made.trained.model.encoder[1].blocks == [(1, 3)]
    again = untrained_net(made.model.config, seed=0)
    again.load_state_dict(load_file(made.folder / "weights.safetensors"))
    x = made.dataset.normaliser(made.dataset.rows("test").x)
    with torch.no_grad():
        codes = again.encode(torch.from_numpy(x))["z"].numpy()
    np.testing.assert_allclose(made.model.encode(made.dataset.raw("test")), codes, atol=1e-5)
