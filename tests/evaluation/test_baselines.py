"""What a model is held against: PCA by singular values, and the same net with fresh weights."""

from typing import Any

import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.evaluation.baselines import Pca, components, untrained_net, untrained_residuals
from hourglass.evaluation.parts import sample


@pytest.mark.parametrize("width", [1, 3, 11])
def test_pca_projects_onto_the_largest_singular_vectors(width: int) -> None:
    draw = np.random.default_rng(0)
    train, x = draw.normal(size=(50, 3, 4)), draw.normal(size=(20, 3, 4))
    mean = train.reshape(50, 12).mean(0)
    kept = np.linalg.svd(train.reshape(50, 12) - mean)[2][:width]
    centred = x.reshape(20, 12) - mean
    expected = (centred @ kept.T @ kept - centred).reshape(20, 3, 4)
    parts = np.array_split(train, [1, 20, 21])
    for pca in (Pca.of_rows(train, width), Pca.of_parts(parts, width)):
        np.testing.assert_allclose(pca.residuals(x), expected, atol=1e-9)


def test_a_covariance_in_parts_loses_nothing_to_a_large_mean() -> None:
    draw = np.random.default_rng(0)
    rows = 1e6 + draw.normal(size=(3000, 4)) @ np.diag([10, 5, 1, 0.1])
    found = Pca.of_parts(np.array_split(rows, 30), 2)
    expected = Pca.of_rows(rows, 2)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-14)
    np.testing.assert_allclose(np.abs(found.axes @ expected.axes.T), np.eye(2), atol=1e-9)


@pytest.mark.parametrize("widest", [4096, 3])
def test_rows_beyond_the_memory_give_nearly_the_pca_of_all(
    table_autoencoder: Any, monkeypatch: pytest.MonkeyPatch, widest: int
) -> None:
    dataset = table_autoencoder.dataset
    x = dataset.normaliser(dataset.rows("test").x)
    whole = np.square(Pca.of(dataset, 3).residuals(x)).mean()
    monkeypatch.setattr("hourglass.evaluation.parts._SAMPLE", 8 * dataset.info["shape"][0] * 200)
    monkeypatch.setattr("hourglass.evaluation.baselines._WIDEST", widest)
    assert len(sample(dataset, "train")) == 200 < dataset.count("train")
    found = np.square(Pca.of(dataset, 3).residuals(x)).mean()
    assert found == pytest.approx(whole, rel=1e-9 if widest > 100 else 0.1)


@pytest.mark.parametrize(
    ("latent", "features", "expected"), [(3, 12, 3), (11, 12, 11), (12, 12, 6), (40, 12, 6), (2, 1, 1)]
)
def test_pca_is_as_wide_as_the_code_unless_it_would_copy(latent: int, features: int, expected: int) -> None:
    assert components(latent, features) == expected
    rows = np.random.default_rng(0).normal(size=(50, features))
    rank = np.linalg.matrix_rank(Pca.of_rows(rows, latent).residuals(rows), tol=1e-9)
    assert rank == features - expected


def test_pca_of_fewer_rows_than_its_width_rebuilds_them_all() -> None:
    train = np.random.default_rng(0).normal(size=(5, 12))
    np.testing.assert_allclose(Pca.of_rows(train, 8).residuals(train), 0, atol=1e-12)


def test_the_untrained_net_is_the_one_that_training_began_with() -> None:
    schema = {"kind": "array", "raw_shape": [6]}
    config = {"variant": "autoencoder", "shape": [6], "schema": schema, "settings": {"latent": 2}, "condition": None}
    x = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    model = models.build("autoencoder", [6], {"latent": 2}, seed=3)
    with torch.no_grad():
        expected = model.reconstruct(torch.from_numpy(x)).numpy() - x
    np.testing.assert_allclose(untrained_residuals(untrained_net(config, seed=3), x), expected, atol=1e-6)
    assert np.abs(untrained_residuals(untrained_net(config, seed=4), x) - expected).max() > 0.01
