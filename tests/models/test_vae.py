from math import log, pi

import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl
from hourglass.models.shared.terms import Context, total
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

DRAWS = 4000


def linear_vae(features, latent):
    """With linear nets the decoder is probabilistic PCA, whose p(x) is known: N(b, W W' + s^2)."""
    return models.build("vae", (features,), {"latent": latent, "hidden": []}, seed=0).eval()


def marginal(model):
    weight, bias = model.decoder[0].weight, model.decoder[0].bias
    return MultivariateNormal(bias, weight @ weight.T + model.likelihood.width.value * torch.eye(len(bias)))


def negative_elbo(model, x):
    """Average over many draws of the noise, for each row."""
    batch, context = Batch.of(x.repeat_interleave(DRAWS, 0)), Context(torch.Generator().manual_seed(0))
    values = torch.stack([term.value for term in model.losses(batch, context).values()]).sum(0)
    return values.unflatten(0, (len(x), DRAWS)).mean(1)


@torch.no_grad()
def test_the_negative_elbo_bounds_the_negative_log_likelihood():
    model, x = linear_vae(5, 2), torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    model.likelihood.width.value.fill_(1.0)
    assert (negative_elbo(model, x) > -marginal(model).log_prob(x)).all()


@torch.no_grad()
def test_the_bound_is_tight_where_the_encoder_is_the_true_posterior():
    model, x = linear_vae(5, 2), torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    encoder, decoder = model.encoder[1], model.decoder[0]
    decoder.weight.copy_(torch.linalg.qr(decoder.weight).Q * torch.tensor([2.0, 0.5]))
    model.likelihood.width.value.fill_(1.0)
    precision = 1 + decoder.weight.square().sum(0)
    projection = decoder.weight.T / precision.unsqueeze(1)
    encoder.weight.copy_(torch.cat([projection, torch.zeros(2, 5)]))
    logvar = 14 * torch.atanh(-precision.log() / 14)
    encoder.bias.copy_(torch.cat([-projection @ decoder.bias, logvar]))
    torch.testing.assert_close(negative_elbo(model, x), -marginal(model).log_prob(x), rtol=0, atol=0.1)


def linear_gaussian(seed):
    """Draw standardised rows of two factors and noise."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 2, generator=generator) @ torch.randn(2, 5, generator=generator)
    x = x + torch.randn(512, 5, generator=generator)
    return (x - x.mean(0)) / x.std(0)


def probabilistic_pca(x, latent):
    """Give the greatest likelihood's noise variance and -log p(x) (Tipping & Bishop 1999, equations 4 and 8)."""
    kept, lost = torch.linalg.eigvalsh(x.T.cov(correction=0)).flip(0).split([latent, x.shape[1] - latent])
    variance = lost.mean()
    volume = kept.log().sum() + len(lost) * variance.log()
    return variance.item(), 0.5 * (x.shape[1] * (log(2 * pi) + 1) + volume).item()


@torch.no_grad()
def exact_negative_elbo(model, x):
    """Of linear nets, where the mean over all draws is known."""
    mu, logvar = model.encode(x).values()
    variance, weight = model.likelihood.width.value, model.decoder[0].weight
    squares = (model.decode(mu) - x).square().sum(1) + logvar.exp() @ weight.square().sum(0)
    reconstruction = 0.5 * (squares / variance + x.shape[1] * torch.log(2 * pi * variance))
    return (reconstruction + gaussian_kl(mu, logvar).sum(1)).mean().item()


def test_the_optimum_is_the_one_that_scikit_learn_finds():
    x = linear_gaussian(0)
    pca = PCA(2).fit(x.numpy())
    variance, optimum = probabilistic_pca(x, 2)
    assert optimum == pytest.approx(-pca.score(x.numpy()), abs=1e-4)
    assert variance == pytest.approx(pca.noise_variance_, rel=0.01)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_a_linear_vae_reaches_the_optimum_of_probabilistic_pca(seed, tmp_path):
    x = linear_gaussian(seed)
    model = models.build("vae", (5,), {"latent": 2, "hidden": []}, seed=seed)
    settings = TrainSettings(epochs=100, batch=64, lr=4e-2, kl_warmup=0.0, patience=100)
    fit(model, Batch.of(x), Batch.of(x.repeat(20, 1)), settings, seed=seed, folder=tmp_path)
    variance, optimum = probabilistic_pca(x, 2)
    assert optimum - 1e-4 < -marginal(model).log_prob(x).mean().item() < optimum + 0.005
    assert optimum - 1e-4 < exact_negative_elbo(model, x) < optimum + 0.01
    assert model.likelihood.width.value.item() == pytest.approx(variance, rel=0.1)


@pytest.fixture
def vae_and_rows():
    model = models.build("vae", (6,), {"latent": 3, "hidden": [16]}, seed=0)
    return model, torch.randn(32, 6, generator=torch.Generator().manual_seed(2))


def test_the_kl_term_is_that_of_the_posterior_which_the_encoder_gives(vae_and_rows):
    model, x = vae_and_rows
    mu, logvar = model.encode(x).values()
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(1)
    terms = model.losses(Batch.of(x), Context(torch.Generator()))
    torch.testing.assert_close(terms["kl"].value, expected)


def test_the_loop_sets_the_weight_of_the_kl_alone(vae_and_rows):
    model, x = vae_and_rows
    terms = model.losses(Batch.of(x), Context(torch.Generator(), kl_weight=0.25))
    assert (terms["reconstruction"].weight, terms["kl"].weight) == (1.0, 0.25)
    expected = terms["reconstruction"].value.mean() + 0.25 * terms["kl"].value.mean()
    torch.testing.assert_close(total(terms), expected)


def test_training_draws_codes_and_embedding_takes_their_mean(vae_and_rows):
    model, x = vae_and_rows
    first, other = (model.losses(Batch.of(x), Context(torch.Generator().manual_seed(seed))) for seed in (0, 1))
    assert not torch.equal(first["reconstruction"].value, other["reconstruction"].value)
    assert torch.equal(model.encode(x)["z"], model.encoder(x)[:, :3])
