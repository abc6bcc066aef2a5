"""The package of an ensemble says what the packages of its members say together."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.evaluation.evaluate import evaluate
from hourglass.files import read_json, write_json
from hourglass.outputs import member_folder
from hourglass.params import EvaluateParams
from hourglass.registry.package import package
from hourglass.registry.trained import Trained
from hourglass.registry.versions import signature
from hourglass.runtime import Model


@pytest.fixture(scope="module")
def trained(table_autoencoder: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a training of two members; the second was never trained."""
    folder = tmp_path_factory.mktemp("ensemble") / "train"
    shutil.copytree(table_autoencoder.trained.folder, folder)
    description = read_json(folder / "model.json")
    beside = {name: description[name] for name in ("known", "known_shape", "categories", "embedded")}
    second = models.build("autoencoder", description["shape"], description["settings"], seed=1, **beside)
    member_folder(folder, 2).mkdir(parents=True)
    save_file(second.state_dict(), member_folder(folder, 2) / "weights.safetensors")
    write_json(folder / "model.json", description | {"others": [{"seed": 1}]})
    return folder


@pytest.fixture(scope="module")
def opened(trained: Path, table_autoencoder: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """The packages of the ensemble, of its first member and of its second."""
    both = Trained.read(trained)
    (second,) = both.others
    alone = member_folder(trained, 2)
    folders = [tmp_path_factory.mktemp("package") / name for name in ("both", "second")]
    for one, folder in zip([both, Trained(second, both.description, alone)], folders, strict=True):
        folder.mkdir()
        package(one, table_autoencoder.dataset, 0.1, folder)
    return [Model(folders[0]), table_autoencoder.model, Model(folders[1])]


@pytest.fixture
def rows(table_autoencoder: Any) -> Any:
    return table_autoencoder.dataset.raw("test")


def test_the_score_is_the_mean_of_the_members_and_the_spread_their_deviation(opened: list[Model], rows: Any) -> None:
    both, *members = (model.score(rows) for model in opened)
    scores = np.stack([member["anomaly_score"] for member in members])
    np.testing.assert_allclose(both["anomaly_score"], scores.mean(0), rtol=1e-5)
    np.testing.assert_allclose(both["score_spread"], scores.std(0, ddof=1), rtol=1e-4, atol=1e-5 * scores.max())
    assert "score_spread" not in members[0]


def test_rows_are_rebuilt_by_the_mean_of_the_members(opened: list[Model], rows: Any) -> None:
    both, *members = (model.residuals(rows) for model in opened)
    np.testing.assert_allclose(both, np.mean(members, 0), rtol=0, atol=1e-5 * np.abs(both).max())


def test_the_shares_of_the_columns_sum_to_the_score(opened: list[Model], rows: Any) -> None:
    both = opened[0]
    np.testing.assert_allclose(both.attribute(rows).sum(axis=1), both.score(rows)["anomaly_score"], rtol=1e-4)


def test_codes_and_samples_are_those_of_the_first_member(opened: list[Model], rows: Any) -> None:
    both, first, _ = opened
    np.testing.assert_array_equal(both.encode(rows), first.encode(rows))
    pd.testing.assert_frame_equal(both.sample(5), first.sample(5))
    for name in ("encode", "decode", "sample"):
        assert (both.folder / f"{name}.onnx").read_bytes() == (first.folder / f"{name}.onnx").read_bytes()


def test_a_row_that_cannot_be_judged_has_no_spread(opened: list[Model], rows: Any) -> None:
    broken = rows.copy()
    broken.iloc[1, 0] = np.nan
    judged = opened[0].score(broken)
    assert judged["score_spread"].isna().tolist() == (~judged["valid"]).tolist()
    assert not judged["valid"].iloc[1]


def test_the_evaluation_tells_how_far_members_are_apart(opened: list[Model], table_autoencoder: Any) -> None:
    settings = EvaluateParams(bootstrap=100, map_rows=60)
    found, _ = evaluate(opened[0], table_autoencoder.dataset, settings, seed=0)
    judged = opened[0].score(table_autoencoder.dataset.raw("test"))
    apart = (judged["score_spread"] / judged["anomaly_score"]).median()
    assert found["ensemble"] == {"members": 2, "relative_spread": pytest.approx(apart)}
    alone, _ = evaluate(opened[1], table_autoencoder.dataset, settings, seed=0)
    assert "ensemble" not in alone


def test_the_package_tells_how_many_members_it_has(opened: list[Model]) -> None:
    both, first, _ = opened
    assert (both.members, first.members) == (2, 1)
    assert "ensemble" not in first.config
    assert (both.folder / "members" / "2" / "weights.safetensors").is_file()
    manifest = json.loads((both.folder / "manifest.json").read_text())
    assert {"parts.onnx", "members/2/weights.safetensors"} <= set(manifest)


def test_the_signature_names_the_spread_of_an_ensemble_alone(opened: list[Model]) -> None:
    both, first, _ = (signature(model.config).outputs.input_names() for model in opened)
    assert both == [*first, "score_spread"]


def test_a_member_whose_weights_are_broken_names_its_file(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "train")
    (tmp_path / "train" / "members" / "2" / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(HourglassError, match=r"members/2/weights\.safetensors doesn't hold the weights of the net"):
        Trained.read(tmp_path / "train")
