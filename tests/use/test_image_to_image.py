"""A model that was told an image of each row makes the row that goes with it, from ingestion to MLflow."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, snapshot
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.evaluation.evaluate import evaluate
from hourglass.evaluation.fidelity import peak_of, psnr
from hourglass.evaluation.filters import FILTERS
from hourglass.evaluation.gate import Evidence
from hourglass.params import EvaluateParams
from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.promotion import smoke_test
from hourglass.runtime import InputError
from hourglass.use import commands
from tests.conftest import Packaged, packaged
from tests.serving import logged

TOLD = DataParams(source="pairs.npz", condition=["photo"])
SETTINGS = {"latent": 4, "hidden": [128]}


def outline(images: np.ndarray) -> np.ndarray:
    """Mark what is ink and touches paper."""
    ink = np.pad(images > 7, ((0, 0), (1, 1), (1, 1)))
    inside = ink[:, :-2, 1:-1] & ink[:, 2:, 1:-1] & ink[:, 1:-1, :-2] & ink[:, 1:-1, 2:]
    return (16 * (ink[:, 1:-1, 1:-1] & ~inside)).astype(np.uint8)


@pytest.fixture(scope="module")
def pairs(digits: Raw) -> dict[str, np.ndarray]:
    return {"photo": digits.rows, "outline": outline(digits.rows)}


def translator(pairs: dict[str, np.ndarray], wanted: str, given: str, folder: Path) -> Packaged:
    np.savez(folder / "pairs.npz", x=pairs[wanted], photo=pairs[given])
    making.build(str(folder / "pairs.npz"), folder / "data", TOLD)
    return packaged(snapshot.read(folder / "data"), TOLD, "cvae", SETTINGS, folder / "cvae")


@pytest.fixture(scope="module")
def to_outline(pairs: dict[str, np.ndarray], tmp_path_factory: Any) -> Packaged:
    return translator(pairs, "outline", "photo", tmp_path_factory.mktemp("outline"))


@pytest.fixture(scope="module")
def to_photo(pairs: dict[str, np.ndarray], tmp_path_factory: Any) -> Packaged:
    return translator(pairs, "photo", "outline", tmp_path_factory.mktemp("photo"))


@pytest.mark.parametrize("direction", ["to_outline", pytest.param("to_photo", marks=pytest.mark.long)])
def test_a_translation_is_far_closer_than_the_mean_image(direction: str, request: Any) -> None:
    found = request.getfixturevalue(direction)
    test, mean = found.dataset.raw("test"), found.dataset.raw("train")["x"].mean(axis=0)
    translated = found.model.translate(test["photo"])
    assert np.square(translated - test["x"]).mean() < 0.5 * np.square(mean - test["x"]).mean()


def test_a_translation_follows_its_source_alone(to_outline: Packaged) -> None:
    test = to_outline.dataset.raw("test")
    photos = test["photo"].copy()
    photos[1] = np.nan
    translated = to_outline.model.translate(photos)
    assert np.isnan(translated[1]).all()
    np.testing.assert_array_equal(translated[0], to_outline.model.translate(test)[0])
    with pytest.raises(InputError, match="leave the condition out"):
        to_outline.model.translate(test, condition={"photo": photos})


def test_rows_to_judge_bring_the_image_that_a_model_is_told(to_outline: Packaged) -> None:
    model, test = to_outline.model, to_outline.dataset.raw("test")
    scores = model.score(test)
    assert scores["valid"].all()
    apart = {"x": test["x"], "photo": test["photo"]}
    pd.testing.assert_frame_equal(model.score(apart), scores)
    others = {"x": test["x"], "photo": test["photo"][::-1]}
    assert model.score(others)["anomaly_score"].mean() > 1.2 * scores["anomaly_score"].mean()
    assert np.isnan(model.encode({"x": test["x"][:2], "photo": [test["photo"][0], np.full((8, 8), np.nan)]})[1]).all()
    for rows, sentence in (
        (test["x"], "rows come without photo, which the model is told of each; give a dict of arrays: x, photo"),
        ({"x": test["x"]}, "array 'photo' is missing; there: x"),
        ({"x": test["x"], "photo": test["photo"][:3]}, f"there are {len(test)} rows and 3 of photo"),
        ({"x": test["x"], "photo": test["photo"][:, :4]}, r"rows of 'photo' have shape .*; expected \(rows, 8, 8\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            model.score(rows)


def test_samples_are_made_to_a_given_image(to_outline: Packaged) -> None:
    test = to_outline.dataset.raw("test")
    drawn = to_outline.model.sample(20, seed=1, condition={"photo": test["photo"][:1]})
    own, other = (np.square(drawn - row).mean() for row in test["x"][:2])
    assert own < other


def test_it_is_measured_and_judged_like_any_other(to_outline: Packaged) -> None:
    model, dataset = to_outline.model, to_outline.dataset
    found, _ = evaluate(model, dataset, EvaluateParams(bootstrap=100, map_rows=60), seed=0)
    assert found["test"]["model"]["mse"] < found["test"]["untrained"]["mse"]
    assert Evidence.of(model, dataset, "selection").judged.all()
    rivals = {one["name"]: one for one in found["portrait"]["translation"]["rivals"]}
    assert list(rivals) == ["mean row", "as it is", *(one.name for one in FILTERS), "linear map", "model"]
    outlines, photos = (dataset.raw("test")[name][:256] for name in ("x", "photo"))
    assert rivals["as it is"]["psnr"] == pytest.approx(psnr(outlines, photos, peak_of(outlines)), abs=1e-3)
    assert rivals["model"]["ssim"] > max(rivals[one.name]["ssim"] for one in FILTERS)


def test_mlflow_takes_the_arrays_by_name(to_outline: Packaged, stored: Project, monkeypatch: Any) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    store.connect(stored)
    uri = logged(to_outline)
    test = to_outline.dataset.raw("test")[:5]
    arrays = {"x": test["x"], "photo": test["photo"]}
    served = mlflow.pyfunc.load_model(uri)
    pd.testing.assert_frame_equal(served.predict(arrays), to_outline.model.score(test))
    translated = served.predict(arrays, params={"output": "translate"})
    np.testing.assert_array_equal(translated, to_outline.model.translate(test["photo"]))
    smoke_test(Project(to_outline.folder.parent, stored.home), uri)


def test_the_command_takes_pairs_or_the_sources_alone(
    to_outline: Packaged, pairs: dict[str, np.ndarray], tmp_path: Path
) -> None:
    np.savez(tmp_path / "pairs.npz", x=pairs["outline"][:5], photo=pairs["photo"][:5], name=np.array(list("abcde")))
    np.save(tmp_path / "photos.npy", pairs["photo"][:5])
    expected = to_outline.model.translate(pairs["photo"][:5])
    for source in ("pairs.npz", "photos.npy"):
        out = tmp_path / f"translated-{source}".replace(".npz", ".npy")
        commands.translate(to_outline.model, str(tmp_path / source), out, {})
        np.testing.assert_array_equal(np.load(out), expected)
    commands.encode(to_outline.model, str(tmp_path / "pairs.npz"), tmp_path / "codes.csv")
    codes = pd.read_csv(tmp_path / "codes.csv")
    assert codes["name"].tolist() == list("abcde")
    assert codes["z_4"].notna().all()


@pytest.mark.long
def test_images_may_come_with_numbers_that_a_model_is_told(digits: Raw, tmp_path: Path) -> None:
    ink = digits.rows.mean(axis=(1, 2))
    raw = Raw("image", digits.rows, pd.DataFrame({"ink": ink}))
    found = packaged(raw, DataParams(condition=["ink"]), "cvae", SETTINGS, tmp_path / "cvae")
    test = found.dataset.raw("test")
    assert test.dtype.names == ("x", "ink")
    little, much = (found.model.sample(50, condition={"ink": [amount]}).mean() for amount in (3, 7))
    assert much > little + 2
    np.savez(tmp_path / "rows.npz", x=digits.rows[:4], ink=ink[:4])
    commands.reconstruct(found.model, str(tmp_path / "rows.npz"), tmp_path / "rebuilt.npy")
    rebuilt = found.model.reconstruct({"x": digits.rows[:4], "ink": ink[:4]})
    np.testing.assert_array_equal(np.load(tmp_path / "rebuilt.npy"), rebuilt)
