from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.datasets import make_swiss_roll
from sklearn.decomposition import PCA

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

#: 10,000 handwritten digits (MNIST), beside the project.
DIGITS = Path(__file__).parents[3] / "shared/data/images/mnist_10k.npz"


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


def share_of_pcas_error(folder, seed, latent, train, validation, unseen, settings):
    """Train a net of the widths that it derives; give its held-out error by that of PCA of the same width."""
    model = models.build("autoencoder", train.shape[1:], {"latent": latent}, seed=seed)
    fit(model, Batch.of(train), Batch.of(validation), settings, seed=seed, folder=folder)
    pca = PCA(latent, random_state=0).fit(train.numpy())
    linear = np.square(pca.inverse_transform(pca.transform(unseen.numpy())) - unseen.numpy()).mean()
    with torch.no_grad():
        return (model.eval().reconstruct(unseen) - unseen).square().mean().item() / linear


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_a_swiss_roll_the_error_is_at_most_four_fifths_of_pcas(seed, tmp_path):
    rows = [torch.tensor(make_swiss_roll(n, random_state=n)[0] / 10, dtype=torch.float32) for n in (800, 200, 500)]
    settings = TrainSettings(epochs=40, batch=64, lr=1e-2)
    assert share_of_pcas_error(tmp_path, seed, 2, *rows, settings) <= 0.8


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not DIGITS.exists(), reason=f"{DIGITS} is not there")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_ten_thousand_digits_the_error_is_at_most_four_fifths_of_pcas(seed, tmp_path):
    images = torch.tensor(np.load(DIGITS)["x"]).flatten(1)[
        torch.randperm(10_000, generator=torch.Generator().manual_seed(0))
    ]
    rows = (images / 255).split([8000, 500, 1500])
    settings = TrainSettings(epochs=6, batch=64, lr=2e-3)
    assert share_of_pcas_error(tmp_path, seed, 8, *rows, settings) <= 0.8


def test_the_loss_is_the_squared_error_summed_over_features(linear, gaussian_rows):
    from hourglass.models.shared.terms import Context

    terms = linear.losses(Batch.of(gaussian_rows), Context(torch.Generator()))
    by_hand = (linear.reconstruct(gaussian_rows) - gaussian_rows).square().sum(1)
    torch.testing.assert_close(terms["reconstruction"].value, by_hand)
