"""A packaged model judges, encodes, rebuilds and draws rows as their consumer has them."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import false_discovery_control

from hourglass import runtime
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.files import folder_hashes, write_json
from hourglass.runtime import InputError, Model
from hourglass.runtime.graphs import BLOCK
from tests.conftest import TUMOURS, Packaged, packaged

ROOT = Path(__file__).parents[2]
SOURCES = sorted(Path(runtime.__file__).parent.glob("*.py"))
ALLOWED = {"numpy", "pandas", "onnxruntime"}
#: What is imported where a model is given files.
FOR_FILES = {"images.py": {"PIL"}, "png.py": {"PIL"}, "recordings.py": {"soundfile"}}


@pytest.fixture(scope="module")
def images(image_vae: Any) -> Model:
    return image_vae.model


@pytest.fixture(scope="module")
def table(table_autoencoder: Any) -> Model:
    return table_autoencoder.model


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A model of arrays of 30 numbers."""
    rows = np.random.default_rng(0).normal(size=(1500, 30)) * 3 + 1
    settings = {"latent": 4, "hidden": [16]}
    raw = Raw("array", rows, pd.DataFrame(index=range(len(rows))))
    return packaged(raw, DataParams(), "autoencoder", settings, tmp_path_factory.mktemp("wide") / "autoencoder")


@pytest.fixture(scope="module")
def digits_in(image_vae: Any) -> np.ndarray:
    return image_vae.dataset.raw("test")


@pytest.fixture(scope="module")
def tumours_in(table_autoencoder: Any) -> pd.DataFrame:
    return table_autoencoder.dataset.raw("test")


def test_scores_have_four_columns(images: Model, digits_in: np.ndarray) -> None:
    scores = images.score(digits_in)
    assert {name: str(kind) for name, kind in scores.dtypes.items()} == {
        "anomaly_score": "float64",
        "p_value": "float64",
        "is_anomaly": "boolean",
        "valid": "bool",
    }
    assert len(scores) == len(digits_in)
    assert scores["valid"].all()


def test_a_row_is_anomalous_beyond_the_threshold_and_at_a_p_value_of_at_most_alpha(
    images: Model, digits_in: np.ndarray
) -> None:
    scores = images.score(digits_in)
    assert scores["is_anomaly"].any()
    assert not scores["is_anomaly"].all()
    assert (scores["is_anomaly"] == (scores["anomaly_score"] > images.threshold)).all()
    assert (scores["is_anomaly"] == (scores["p_value"] <= images.config["alpha"])).all()


def test_a_model_without_a_named_score_divides_its_mean_squared_residual(images: Model, digits_in: np.ndarray) -> None:
    older = Model(images.folder)
    del older.config["score"]
    squares = images.residuals(digits_in).astype(np.float64) ** 2
    np.testing.assert_allclose(older.attribute(digits_in).mean(), squares.mean() / 64, rtol=1e-5)


def test_scores_keep_the_index_of_the_rows(table: Model, tumours_in: pd.DataFrame) -> None:
    shuffled = tumours_in.sample(frac=1, random_state=0)
    pd.testing.assert_index_equal(table.score(shuffled).index, shuffled.index)


@pytest.mark.parametrize(
    "change",
    [{"mean radius": np.nan}, {"mean area": np.inf}, {"mean area": "large"}, {"size": "huge"}, {"size": None}],
    ids=str,
)
def test_a_row_that_cannot_be_judged_is_flagged_and_moves_no_other(
    table: Model, tumours_in: pd.DataFrame, change: dict[str, Any]
) -> None:
    rows = tumours_in.astype(object)
    (name,) = change
    rows.loc[3, name] = change[name]
    scores, others = table.score(rows), table.score(tumours_in)
    bad = scores.loc[3]
    assert not bad["valid"]
    assert bad["is_anomaly"] is pd.NA
    assert np.isnan(bad["anomaly_score"])
    assert np.isnan(bad["p_value"])
    pd.testing.assert_frame_equal(scores.drop(index=3), others.drop(index=3))
    assert np.isnan(table.encode(rows)[3]).all()
    assert table.reconstruct(rows).loc[3].isna().all()
    assert table.attribute(rows).loc[3].isna().all()


@pytest.mark.parametrize("value", [1e10, 1e25, 1e35, 3e39, 5e39, 1e300])
@pytest.mark.parametrize("signs", ["same", "mixed"])
def test_a_row_too_large_for_the_net_is_never_normal(images: Model, value: float, signs: str) -> None:
    row = np.full((1, 8, 8), value) * (1 if signs == "same" else np.random.default_rng(0).choice([-1, 1], (1, 8, 8)))
    (judged,) = images.score(row).to_dict("records")
    assert judged["is_anomaly"] is True or not judged["valid"]


@pytest.mark.parametrize("cuts", [[1], [255, 256, 257], [100, 400], [300, 512, 600]])
def test_scores_are_the_same_bytes_however_the_work_is_cut(
    images: Model, digits_in: np.ndarray, cuts: list[int]
) -> None:
    rows = np.concatenate([digits_in] * 3)
    assert len(rows) > 2 * BLOCK
    starts = [0, *cuts, len(rows)]
    parts = [images.score(rows[start:stop], first_row=start) for start, stop in pairwise(starts)]
    together = images.score(rows)["anomaly_score"].to_numpy().tobytes()
    assert pd.concat(parts)["anomaly_score"].to_numpy().tobytes() == together


@pytest.mark.parametrize("kind", ["images", "table"])
def test_anomaly_scores_alone_are_the_bytes_of_the_column(kind: str, request: pytest.FixtureRequest) -> None:
    model, rows = (
        request.getfixturevalue(name) for name in (kind, {"images": "digits_in", "table": "tumours_in"}[kind])
    )
    column = model.score(rows)["anomaly_score"].to_numpy()
    assert model.anomaly_score(rows).tobytes() == column.tobytes()
    alone = [model.anomaly_score(rows[at : at + 1], first_row=at) for at in range(10)]
    assert np.concatenate(alone).tobytes() == column[:10].tobytes()


def test_a_row_alone_is_the_bytes_that_it_has_among_many(wide: Packaged) -> None:
    assert wide.model.config["blocks"]
    model, rows = wide.model, np.concatenate([wide.dataset.raw("test")] * 30)
    places = [*range(9), 255, 256, 1023, 1024, len(rows) - 1]
    alone = [model.anomaly_score(rows[at : at + 1], first_row=at) for at in places]
    assert np.concatenate(alone).tobytes() == model.anomaly_score(rows)[places].tobytes()


def test_threads_that_judge_rows_at_once_do_not_mix_them(wide: Packaged) -> None:
    model, rows = wide.model, np.concatenate([wide.dataset.raw("test")] * 5)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda at: model.anomaly_score(rows[at : at + 1], first_row=at), range(len(rows))))
    assert np.concatenate(alone).tobytes() == model.anomaly_score(rows).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_anomaly_score_of_what_cannot_be_judged_is_missing(wide: Packaged, bad: float, dtype: type) -> None:
    rows = wide.dataset.raw("test")[:9].copy()
    good = wide.model.anomaly_score(rows.astype(dtype))
    rows[4, 7] = bad
    with np.errstate(over="ignore"):
        given = rows.astype(dtype)
    before = given.copy()
    found = wide.model.anomaly_score(given)
    assert np.isnan(found[4])
    assert np.delete(found, 4).tobytes() == np.delete(good, 4).tobytes()
    np.testing.assert_array_equal(given, before)
    judged = wide.model.score(given)
    assert not judged["valid"][4]
    assert judged["is_anomaly"][4] is pd.NA


def test_a_package_that_names_no_sizes_of_calls_gives_the_same_bytes(wide: Packaged, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(wide.folder, old)
    config = json.loads((old / "config.json").read_text())
    del config["blocks"]
    write_json(old / "config.json", config)
    (old / "manifest.json").unlink()
    write_json(old / "manifest.json", folder_hashes(old))
    rows = np.concatenate([wide.dataset.raw("test")] * 30)
    for count, first_row in ((1, 0), (9, 250), (3000, 0), (2000, 700)):
        scores = [model.anomaly_score(rows[:count], first_row=first_row) for model in (Model(old), wide.model)]
        assert scores[0].tobytes() == scores[1].tobytes()


def test_rows_may_come_flattened(images: Model, digits_in: np.ndarray) -> None:
    flat = pd.DataFrame(digits_in.reshape(len(digits_in), -1))
    pd.testing.assert_frame_equal(images.score(flat), images.score(digits_in))


def test_columns_may_come_in_any_order_with_others(table: Model, tumours_in: pd.DataFrame) -> None:
    other = tumours_in[tumours_in.columns[::-1]].assign(patient="x")
    pd.testing.assert_frame_equal(table.score(other), table.score(tumours_in))


def test_rows_may_come_as_dicts(table: Model, tumours_in: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table.score(tumours_in.to_dict("records")), table.score(tumours_in))


@pytest.mark.parametrize("output", ["score", "screen", "encode", "reconstruct", "attribute", "explain"])
def test_no_rows_give_no_rows(images: Model, table: Model, tumours_in: pd.DataFrame, output: str) -> None:
    assert len(images.predict(np.zeros((0, 8, 8)), output)) == 0
    assert len(table.predict(tumours_in.head(0), output)) == 0


def test_codes_are_as_wide_as_the_latent(images: Model, table: Model, digits_in: Any, tumours_in: Any) -> None:
    assert images.encode(digits_in).shape == (len(digits_in), 4)
    assert table.encode(tumours_in).shape == (len(tumours_in), 3)


def test_a_variational_posterior_has_a_variance(images: Model, table: Model, digits_in: Any, tumours_in: Any) -> None:
    assert set(images.posterior(digits_in)) == {"z", "logvar"}
    assert set(table.posterior(tumours_in)) == {"z"}


def test_decoding_codes_is_reconstructing(images: Model, table: Model, digits_in: Any, tumours_in: Any) -> None:
    np.testing.assert_allclose(images.decode(images.encode(digits_in)), images.reconstruct(digits_in), atol=1e-4)
    pd.testing.assert_frame_equal(table.decode(table.encode(tumours_in)), table.reconstruct(tumours_in), rtol=1e-4)


def test_reconstructions_are_in_the_datas_units(images: Model, table: Model, digits_in: Any, tumours_in: Any) -> None:
    rebuilt = images.reconstruct(digits_in)
    assert rebuilt.shape == digits_in.shape
    assert np.abs(rebuilt - digits_in).mean() < np.abs(digits_in.mean() - digits_in).mean()
    rows = table.reconstruct(tumours_in)
    assert list(rows) == list(tumours_in)
    assert rows["mean area"].corr(tumours_in["mean area"]) > 0.9
    assert (rows["size"] == tumours_in["size"]).mean() > 0.8


def test_attributions_sum_to_the_score(images: Model, table: Model, digits_in: Any, tumours_in: Any) -> None:
    pixels = images.attribute(digits_in)
    assert pixels.shape == digits_in.shape
    np.testing.assert_allclose(pixels.sum(axis=(1, 2)), images.score(digits_in)["anomaly_score"], rtol=1e-5)
    columns = table.attribute(tumours_in)
    assert list(columns) == list(tumours_in)
    np.testing.assert_allclose(columns.sum(axis=1), table.score(tumours_in)["anomaly_score"], rtol=1e-5)


def test_a_spoilt_column_is_blamed(table: Model, tumours_in: pd.DataFrame) -> None:
    spoilt = tumours_in.assign(**{"mean texture": tumours_in["mean texture"] + 100})
    assert (table.attribute(spoilt).idxmax(axis=1) == "mean texture").mean() > 0.9
    reasons = table.explain(spoilt, 2)
    assert (reasons["reason_1"] == "mean texture").mean() > 0.9
    assert reasons.index.equals(spoilt.index)


def test_a_batch_of_rows_is_screened_by_its_adjusted_p_values(table: Model, tumours_in: pd.DataFrame) -> None:
    found, judged = table.screen(tumours_in, 0.3), table.score(tumours_in)
    expected = false_discovery_control(judged["p_value"])
    np.testing.assert_allclose(found["adjusted_p_value"], expected)
    assert (found["is_anomaly"] == (expected <= 0.3)).all()
    assert found.drop(columns=["adjusted_p_value", "is_anomaly"]).equals(judged.drop(columns="is_anomaly"))


def test_a_share_that_is_none_is_refused(table: Model, tumours_in: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="share is 1; expected a number between 0 and 1"):
        table.screen(tumours_in, 1.0)


def test_reasons_have_the_same_bytes_however_rows_are_cut(images: Model, digits_in: Any) -> None:
    whole = images.explain(digits_in)
    parts = [images.explain(digits_in[start:stop], first_row=start) for start, stop in pairwise((0, 7, len(digits_in)))]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)


def test_a_row_that_cannot_be_judged_has_no_reason(table: Model, tumours_in: pd.DataFrame) -> None:
    found = table.explain(tumours_in.head(5).assign(size="unseen"))
    assert found.isna().all(axis=None)


def test_samples_follow_from_their_seed(images: Model) -> None:
    first, again, other = (images.sample(5, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (5, 8, 8)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1


def test_samples_of_a_table_are_rows(table: Model, tumours_in: pd.DataFrame) -> None:
    drawn = table.sample(500)
    assert list(drawn) == list(tumours_in)
    assert set(drawn["size"]) == {"large", "small"}
    assert table.score(drawn)["valid"].all()


def test_samples_of_a_conditional_model_are_of_the_class_that_is_asked_for(image_cvae: Any) -> None:
    train, raw = image_cvae.dataset.rows("train"), image_cvae.dataset.raw("train")
    names = np.array(image_cvae.dataset.info["classes"])[train.label]
    classes = [name for name in np.unique(names) if name != "8"]
    means = np.stack([raw[names == name].mean(axis=0) for name in classes])
    drawn = np.stack([image_cvae.model.sample(64, condition={"digit": [name]}).mean(axis=0) for name in classes])
    distance = np.linalg.norm((drawn[:, None] - means).reshape(len(classes), len(classes), -1), axis=2)
    assert (distance.argmin(axis=1) == np.arange(len(classes))).sum() >= 8


def test_a_condition_is_one_for_all_rows_or_one_for_each(image_cvae: Any) -> None:
    model, z = image_cvae.model, np.zeros((4, 4), np.float32)
    for_all = model.decode(z, condition={"digit": [3]})
    np.testing.assert_array_equal(for_all, model.decode(z, condition=pd.DataFrame({"digit": ["3"] * 4})))
    assert np.abs(for_all - model.decode(z)).max() > 0.1
    with pytest.raises(InputError, match="the condition has 3 rows; expected 1, or 4 as there are to make"):
        model.decode(z, condition={"digit": [1, 2, 3]})


@pytest.mark.parametrize("wanted", [8, "typo", None])
def test_a_condition_that_training_never_saw_is_refused_with_what_is_known(image_cvae: Any, wanted: Any) -> None:
    with pytest.raises(InputError, match=r"row 0 of the condition isn't known; expected digit: 0, 1, 2, .* 7, 9"):
        image_cvae.model.sample(2, condition={"digit": [wanted]})


def test_mlflows_parameters_hold_a_condition_as_json(image_cvae: Any) -> None:
    model = image_cvae.model
    expected = model.sample(3, seed=5, condition={"digit": [7]})
    np.testing.assert_array_equal(model.predict(None, "sample", n=3, seed=5, condition='{"digit": 7}'), expected)
    with pytest.raises(InputError, match="expected JSON such as"):
        model.predict(None, "sample", condition="digit=7")


def test_a_model_that_is_not_conditional_takes_no_condition(images: Model, image_vq_vae: Any) -> None:
    for model in (images, image_vq_vae.model):
        with pytest.raises(InputError, match="isn't conditional"):
            model.sample(2, condition={"digit": [3]})


def test_a_translated_row_is_its_code_under_another_condition(image_cvae: Any) -> None:
    model, rows = image_cvae.model, image_cvae.dataset.raw("test")[:5]
    three = {"digit": [3]}
    expected = model.decode(model.encode(rows), condition=three)
    np.testing.assert_allclose(model.translate(rows, condition=three), expected, atol=1e-4)
    np.testing.assert_array_equal(
        model.predict(rows, "translate", condition='{"digit": 3}'), model.translate(rows, condition=three)
    )
    np.testing.assert_array_equal(model.predict(model.encode(rows), "decode", condition='{"digit": 3}'), expected)


def test_a_row_whose_label_is_known_is_translated_from_there(image_cvae: Any) -> None:
    model, rows = image_cvae.model, image_cvae.dataset.raw("test")[:5]
    label = np.array(image_cvae.dataset.info["classes"])[image_cvae.dataset.rows("test").label[:5]]
    known = pd.DataFrame({"digit": label})
    x, _ = model._encode_rows(rows)
    told = model.conditioning.encode(known)[0]
    with torch.no_grad():
        code = image_cvae.trained.model.encode(torch.from_numpy(x), torch.from_numpy(told))["z"].numpy()
    found = model.translate(rows, condition={"digit": [3]}, known=known)
    np.testing.assert_allclose(found, model.decode(code, condition={"digit": [3]}), atol=1e-3)


@pytest.mark.parametrize("count", [4, 6])
def test_what_is_known_of_other_rows_than_those_to_translate_is_refused(image_cvae: Any, count: int) -> None:
    rows, known = image_cvae.dataset.raw("test")[:5], {"digit": [3] * count}
    with pytest.raises(InputError, match=f"`known` has {count} rows; expected 1, or 5 as there are rows to translate"):
        image_cvae.model.translate(rows, condition={"digit": [3]}, known=known)


def test_one_label_may_be_known_of_any_number_of_rows(image_cvae: Any) -> None:
    rows = np.repeat(image_cvae.dataset.raw("test")[:1], 300, axis=0)
    one, each = (image_cvae.model.translate(rows, condition={"digit": [3]}, known={"digit": [4] * n}) for n in (1, 300))
    np.testing.assert_array_equal(one, each)


def test_a_model_that_did_not_learn_to_denoise_says_so(images: Model, digits_in: np.ndarray) -> None:
    with pytest.raises(InputError, match="vae wasn't trained to denoise; take a model of the variant denoising"):
        images.predict(digits_in, "denoise")


def test_the_label_tells_a_model_nothing_of_the_rows_that_it_judges(tumours: Any, tmp_path: Path) -> None:
    frame = tumours.rows
    told = TUMOURS.model_copy(update={"condition": ["diagnosis"]})
    settings = {"latent": 3, "hidden": [16]}
    found = packaged(Raw("table", frame, frame), told, "cvae", settings, tmp_path / "cvae")
    rows = found.dataset.raw("test")
    assert "diagnosis" not in rows
    labelled = rows.assign(diagnosis="benign")
    pd.testing.assert_frame_equal(found.model.score(labelled), found.model.score(rows))


@pytest.fixture(scope="module")
def table_cvae(tumours: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    frame = tumours.rows.drop(columns="diagnosis")
    settings = {"latent": 3, "hidden": [16]}
    folder = tmp_path_factory.mktemp("table") / "cvae"
    return packaged(Raw("table", frame, frame), DataParams(condition=["size"]), "cvae", settings, folder)


def test_rows_bring_what_a_model_is_told_of_them(table_cvae: Any) -> None:
    model, rows = table_cvae.model, table_cvae.dataset.raw("test")
    assert "size" in rows
    assert "size" not in model.schema.features
    other = rows.assign(size=rows["size"].map({"large": "small", "small": "large"}))
    assert (model.score(rows)["anomaly_score"] != model.score(other)["anomaly_score"]).all()
    with pytest.raises(InputError, match="column 'size' is missing"):
        model.score(rows.drop(columns="size"))


@pytest.mark.parametrize("value", [None, "huge"])
def test_a_row_without_what_a_model_is_told_cannot_be_judged(table_cvae: Any, value: Any) -> None:
    rows = table_cvae.dataset.raw("test").head(3)
    rows.loc[rows.index[1], "size"] = value
    assert table_cvae.model.score(rows)["valid"].tolist() == [True, False, True]


def test_a_walk_of_a_conditional_model_starts_and_ends_at_its_rows(table_cvae: Any) -> None:
    rows = table_cvae.dataset.raw("test").head(5)
    walk = table_cvae.model.interpolate(rows, steps=4).iloc[[0, -1]].reset_index(drop=True)
    ends = table_cvae.model.reconstruct(rows).iloc[[0, -1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(walk, ends, rtol=1e-4)


def test_codes_are_drawn_entry_by_entry_as_the_prior_says(image_vq_vae: Any) -> None:
    model, net = image_vq_vae.model, image_vq_vae.trained.model
    index = model._draw_index(4000, np.random.Generator(np.random.Philox(0)))
    with torch.no_grad():
        first = net.code_prior(torch.zeros(1, index.shape[1], dtype=torch.int64))[0, 0].exp().numpy()
    np.testing.assert_allclose(np.bincount(index[:, 0], minlength=16) / 4000, first, atol=0.03)
    follows = index[index[:, 0] == first.argmax()]
    with torch.no_grad():
        given = torch.full((1, index.shape[1]), int(first.argmax()))
        second = net.code_prior(given)[0, 1].exp().numpy()
    spread = 4 * np.sqrt(0.25 / len(follows))
    np.testing.assert_allclose(np.bincount(follows[:, 1], minlength=16) / len(follows), second, atol=spread)


def test_samples_of_a_quantised_model_follow_from_their_seed(image_vq_vae: Any) -> None:
    model = image_vq_vae.model
    np.testing.assert_array_equal(model.sample(300, seed=1)[:5], model.sample(300, seed=1)[:5])
    assert np.abs(model.sample(5, seed=1) - model.sample(5, seed=2)).max() > 1
    assert model.sample(5).shape == (5, 8, 8)


def test_entries_of_a_row_that_cannot_be_read_are_none(image_vq_vae: Any) -> None:
    rows = image_vq_vae.dataset.raw("test")[:2].astype(float)
    rows[0, 0, 0] = np.nan
    index = image_vq_vae.model.posterior(rows)["index"]
    assert (index[0] == -1).all()
    assert (index[1] >= 0).all()


def test_a_walk_starts_and_ends_at_its_rows(images: Model, digits_in: np.ndarray) -> None:
    walk = images.interpolate(digits_in[:3], steps=5)
    assert walk.shape == (5, 8, 8)
    np.testing.assert_allclose(walk[[0, -1]], images.reconstruct(digits_in[[0, 2]]), atol=1e-4)
    middle = images.encode(digits_in[[0, 2]]).mean(axis=0, keepdims=True)
    np.testing.assert_allclose(walk[2:3], images.decode(middle), atol=1e-4)


@pytest.mark.parametrize("codes", [["a"], 3, [[1.0, 2.0]], "codes", [[1], [2, 3]]])
def test_what_are_no_codes_is_refused(table: Model, codes: Any) -> None:
    with pytest.raises(InputError, match=r"codes have shape .*; expected \(rows, 3\)|different shapes"):
        table.decode(codes)


def test_predict_gives_every_output_by_name(images: Model, digits_in: np.ndarray) -> None:
    pd.testing.assert_frame_equal(images.predict(digits_in), images.score(digits_in))
    codes = images.encode(digits_in)
    for name, rows, options, expected in (
        ("encode", digits_in, {}, codes),
        ("decode", codes, {}, images.decode(codes)),
        ("reconstruct", digits_in, {}, images.reconstruct(digits_in)),
        ("attribute", digits_in, {}, images.attribute(digits_in)),
        ("sample", None, {"n": 3, "seed": 7}, images.sample(3, seed=7)),
        ("interpolate", digits_in, {"steps": 3}, images.interpolate(digits_in, steps=3)),
    ):
        np.testing.assert_array_equal(images.predict(rows, name, **options), expected)


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda model, rows: model.predict(rows, "scores"), "output is 'scores'; expected one of score, screen"),
        (lambda model, rows: model.decode(np.zeros((2, 5))), r"codes have shape \(2, 5\); expected \(rows, 4\)"),
        (lambda model, rows: model.sample(0), "n is 0; expected at least 1"),
        (lambda model, rows: model.interpolate(rows, steps=1), "steps is 1; expected at least 2"),
        (lambda model, rows: model.interpolate(rows[:1]), "needs two valid rows"),
        (lambda model, rows: model.score(rows[:, :7]), r"rows have shape \(\d+, 7, 8\); expected \(rows, 8, 8\)"),
    ],
)
def test_what_cannot_be_done_is_refused(
    images: Model, digits_in: np.ndarray, ask: Callable[[Model, np.ndarray], Any], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        ask(images, digits_in)


@pytest.fixture
def copy(image_vae: Any, tmp_path: Path) -> Path:
    shutil.copytree(image_vae.folder, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["config.json", "reconstruct.onnx", "calibration.npy", "runtime/model.py", "shim.py"])
def test_a_changed_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"{copy / name} differs from its hash")):
        Model(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "encode.onnx").unlink()
    with pytest.raises(InputError, match=r"encode\.onnx is missing"):
        Model(copy)


def test_a_folder_without_a_manifest_is_no_model(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    with pytest.raises(InputError, match="is no packaged model"):
        Model(copy)


def test_a_damaged_manifest_is_named(copy: Path) -> None:
    (copy / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json is no JSON"):
        Model(copy)


def test_an_unknown_format_is_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    write_json(copy / "config.json", config | {"format_version": 2})
    (copy / "manifest.json").unlink()
    write_json(copy / "manifest.json", folder_hashes(copy))
    with pytest.raises(InputError, match="has format 2; this version reads format 1"):
        Model(copy)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_runtime_imports_little_and_itself_by_relative_names(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = {str(node.module).split(".")[0]}
        else:
            continue
        assert found <= ALLOWED | FOR_FILES.get(source.name, set()) | sys.stdlib_module_names


def test_the_shipped_runtime_needs_nothing_of_the_project(image_vae: Any) -> None:
    """It scores in a bare process, in which none of the project's other dependencies was imported."""
    code = (
        "import sys, importlib.util, json, numpy\n"
        "spec = importlib.util.spec_from_file_location('shipped', sys.argv[1] + '/runtime/__init__.py')\n"
        "module = sys.modules['shipped'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "score = module.Model(sys.argv[1]).score(numpy.zeros((1, 8, 8)))['anomaly_score'][0]\n"
        "print(json.dumps([score, [name.split('.')[0] for name in sys.modules]]))"
    )
    command = [sys.executable, "-I", "-B", "-c", code, str(image_vae.folder)]
    score, imported = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert score == image_vae.model.score(np.zeros((1, 8, 8)))["anomaly_score"][0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w.-]", name)[0].replace("-", "_").lower() for name in project["dependencies"]}
    optional = {"pyarrow"}  # pandas imports it where it is there
    assert not set(imported) & ((names | {"hourglass", "sklearn", "PIL", "yaml"}) - ALLOWED - optional)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_what_a_masked_array_hides_is_missing(image_vae: Packaged, dtype: str) -> None:
    rows = image_vae.dataset.raw("test")[:3].astype(dtype)
    masked = np.ma.array(rows, mask=np.zeros(rows.shape, bool))
    masked[1, 2, 3] = np.ma.masked
    judged, plain = image_vae.model.score(masked), image_vae.model.score(rows)
    assert judged["valid"].tolist() == [True, False, True]
    assert judged["anomaly_score"].iloc[[0, 2]].tolist() == plain["anomaly_score"].iloc[[0, 2]].tolist()
