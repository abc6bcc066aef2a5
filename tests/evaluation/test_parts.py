"""A split in parts, and samples of it."""

from typing import Any

import numpy as np
import pytest

from hourglass.evaluation import parts as cutting
from hourglass.evaluation.evaluate import evaluate
from hourglass.evaluation.gate import Evidence, faults
from hourglass.evaluation.parts import parts, sample, scores
from hourglass.params import EvaluateParams
from hourglass.registry.package import package
from hourglass.runtime.graphs import BLOCK


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_PART", 1)


def test_parts_are_the_split_and_begin_where_blocks_do(image_vae: Any, small_parts: None) -> None:
    dataset = image_vae.dataset
    found = list(parts(dataset, "train"))
    assert [first_row for _, first_row in found] == list(range(0, dataset.count("train"), BLOCK))
    assert len(found) >= 3
    for name in ("x", "label", "index", "condition"):
        whole = getattr(dataset.rows("train"), name)
        np.testing.assert_array_equal(np.concatenate([getattr(rows, name) for rows, _ in found]), whole)


def test_scores_in_parts_are_the_same_bytes(image_vae: Any, small_parts: None) -> None:
    whole = image_vae.model.score(image_vae.dataset.raw("train"))["anomaly_score"].to_numpy()
    assert scores(image_vae.model, image_vae.dataset, "train").tobytes() == whole.tobytes()


def test_a_sample_is_all_rows_where_they_fit_and_else_so_many_that_do(
    image_vae: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = image_vae.dataset
    count = dataset.count("train")
    np.testing.assert_array_equal(sample(dataset, "train"), np.arange(count))
    np.testing.assert_array_equal(sample(dataset, "train", most=count), np.arange(count))
    some = sample(dataset, "train", most=50)
    assert len(some) == 50
    assert (np.diff(some) > 0).all()
    assert some[-1] > count / 2, "from everywhere"
    monkeypatch.setattr(cutting, "_SAMPLE", 64 * 8 * 70)
    assert len(sample(dataset, "train")) == len(sample(dataset, "train", most=100)) == 70
    assert len(sample(dataset, "train", most=50)) == 50


def assert_same(one: Any, other: Any) -> None:
    """Compare what was found, up to the rounding of sums in another order."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)
    else:
        assert one == other


def test_an_evaluation_in_parts_finds_the_same(image_vae: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, dataset, settings = image_vae.model, image_vae.dataset, EvaluateParams(bootstrap=100, map_rows=100)
    found, arrays = evaluate(model, dataset, settings, seed=0)
    evidence, wrong = Evidence.of(model, dataset, "selection"), faults(model, dataset)
    monkeypatch.setattr(cutting, "_PART", 1)
    in_parts, arrays_in_parts = evaluate(model, dataset, settings, seed=0)
    assert_same(in_parts, found)
    for name, values in arrays.items():
        np.testing.assert_array_equal(arrays_in_parts[name], values)
    again = Evidence.of(model, dataset, "selection")
    for name in ("scores", "errors"):
        np.testing.assert_array_equal(getattr(again, name), getattr(evidence, name))
    assert faults(model, dataset) == wrong


def test_a_package_made_in_parts_is_the_same_byte_for_byte(
    table_autoencoder: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(cutting, "_PART", 1)
    package(table_autoencoder.trained, table_autoencoder.dataset, 0.1, tmp_path)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert all((tmp_path / file).read_bytes() == (table_autoencoder.folder / file).read_bytes() for file in files)
