"""What a model is held against: PCA by singular values, and the same net with fresh weights."""

import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.evaluation.baselines import components, pca_residuals, untrained_residuals


@pytest.mark.parametrize("width", [1, 3, 11])
def test_pca_projects_onto_the_largest_singular_vectors(width: int) -> None:
    draw = np.random.default_rng(0)
    train, x = draw.normal(size=(50, 3, 4)), draw.normal(size=(20, 3, 4))
    mean = train.reshape(50, 12).mean(0)
    kept = np.linalg.svd(train.reshape(50, 12) - mean)[2][:width]
    centred = x.reshape(20, 12) - mean
    expected = (centred @ kept.T @ kept - centred).reshape(20, 3, 4)
    np.testing.assert_allclose(pca_residuals(train, x, width), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("latent", "features", "expected"), [(3, 12, 3), (11, 12, 11), (12, 12, 6), (40, 12, 6), (2, 1, 1)]
)
def test_pca_is_as_wide_as_the_code_unless_it_would_copy(latent: int, features: int, expected: int) -> None:
    assert components(latent, features) == expected
    rows = np.random.default_rng(0).normal(size=(50, features))
    rank = np.linalg.matrix_rank(pca_residuals(rows, rows, latent), tol=1e-9)
    assert rank == features - expected


def test_pca_of_fewer_rows_than_its_width_rebuilds_them_all() -> None:
    train = np.random.default_rng(0).normal(size=(5, 12))
    np.testing.assert_allclose(pca_residuals(train, train, 8), 0, atol=1e-12)


def test_the_untrained_net_is_the_one_that_training_began_with() -> None:
    schema = {"kind": "array", "raw_shape": [6]}
    config = {"variant": "autoencoder", "shape": [6], "schema": schema, "settings": {"latent": 2}, "condition": None}
    x = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    model = models.build("autoencoder", [6], {"latent": 2}, seed=3)
    with torch.no_grad():
        expected = model.reconstruct(torch.from_numpy(x)).numpy() - x
    np.testing.assert_allclose(untrained_residuals(config, x, seed=3), expected, atol=1e-6)
    assert np.abs(untrained_residuals(config, x, seed=4) - expected).max() > 0.01
