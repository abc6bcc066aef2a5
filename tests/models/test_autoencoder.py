import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


@pytest.fixture(scope="module")
def gaussian_rows():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 6, generator=generator) * torch.tensor([3.0, 2.0, 0.5, 0.4, 0.3, 0.2]).unsqueeze(1)
    return torch.randn(512, 6, generator=generator) @ mixing + 1


@pytest.fixture(scope="module")
def linear(gaussian_rows, tmp_path_factory):
    model = models.build("autoencoder", (6,), {"latent": 2, "hidden": []}, seed=0)
    settings = TrainSettings(epochs=150, batch=64, lr=2e-2, patience=150)
    rows = Batch.of(gaussian_rows)
    fit(model, rows, rows, settings, seed=0, folder=tmp_path_factory.mktemp("linear"))
    return model.requires_grad_(requires_grad=False)


def test_linear_nets_reach_the_error_of_pca(linear, gaussian_rows):
    x = gaussian_rows.numpy()
    pca = PCA(2).fit(x)
    optimum = np.square(pca.inverse_transform(pca.transform(x)) - x).mean()
    error = (linear.reconstruct(gaussian_rows) - gaussian_rows).square().mean().item()
    assert optimum * (1 - 1e-5) <= error < 1.01 * optimum


def test_linear_nets_span_the_subspace_of_pca(linear, gaussian_rows):
    components = PCA(2).fit(gaussian_rows.numpy()).components_
    decoder = linear.decoder[0].weight.numpy()
    assert np.rad2deg(subspace_angles(decoder, components.T)).max() < 3


def test_the_loss_is_the_squared_error_summed_over_features(linear, gaussian_rows):
    from hourglass.models.shared.terms import Context

    terms = linear.losses(Batch.of(gaussian_rows), Context(torch.Generator()))
    by_hand = (linear.reconstruct(gaussian_rows) - gaussian_rows).square().sum(1)
    torch.testing.assert_close(terms["reconstruction"].value, by_hand)
