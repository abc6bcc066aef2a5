from itertools import pairwise

import pytest
import torch
from torch.distributions import MultivariateNormal

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

ROWS, REPEATS = 20, 400


def log_likelihood(model, x):
    """Of linear nets, which are probabilistic PCA: p(x) = N(b, W W' + 1)."""
    weight, bias = model.decoder[0].weight.detach(), model.decoder[0].bias.detach()
    return MultivariateNormal(bias, weight @ weight.T + torch.eye(len(bias))).log_prob(x).mean().item()


def linear(variant="iwae", **settings):
    model = models.build(variant, (5,), {"latent": 2, "hidden": []} | settings, seed=0).eval()
    model.likelihood.width.value.fill_(1.0)
    return model


@torch.no_grad()
def bound(model, x, repeats=REPEATS):
    """Give the mean over rows of the bound on log p(x), and its standard error from so many repetitions."""
    terms = model.losses(Batch.of(x.repeat(repeats, *[1] * (x.dim() - 1))), Context(torch.Generator().manual_seed(0)))
    values = -(terms["bound"].value if "bound" in terms else terms["reconstruction"].value + terms["kl"].value)
    means = values.view(repeats, len(x)).mean(1)
    return means.mean().item(), means.std(correction=0).item() / (repeats - 1) ** 0.5


def assert_rising(bounds):
    for (looser, error), (tighter, other) in pairwise(bounds):
        assert tighter - looser > 4 * (error**2 + other**2) ** 0.5, bounds


@pytest.fixture
def x():
    return torch.randn(ROWS, 5, generator=torch.Generator().manual_seed(1))


def test_the_bound_rises_with_the_draws_up_to_the_likelihood(x):
    bounds = [bound(linear(draws=draws), x) for draws in (1, 2, 5, 20, 100)]
    exact = log_likelihood(linear(), x)
    assert_rising(bounds)
    tightest, error = bounds[-1]
    assert exact - 0.02 < tightest < exact + 4 * error


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_elbo_of_a_trained_vae_is_below_the_bounds_of_more_draws_and_these_rise(surface, tmp_path, seed):
    settings, unseen = {"latent": 2, "hidden": [32]}, surface(ROWS, 3)
    vae = models.build("vae", (2, 3), settings, seed=seed)
    rows = (Batch.of(surface(256, 1)), Batch.of(surface(64, 2)))
    fit(vae, *rows, TrainSettings(epochs=10, batch=32, lr=1e-2), seed=seed, folder=tmp_path)
    bounds = [bound(vae.eval(), unseen, 8000)]
    for draws in (5, 20, 100):
        iwae = models.build("iwae", (2, 3), settings | {"draws": draws}, seed=0).eval()
        iwae.load_state_dict(vae.state_dict())
        bounds.append(bound(iwae, unseen, 40_000 // draws))
    assert_rising(bounds)


def test_with_one_draw_it_is_the_vaes_bound(x):
    (one, error), (elbo, other) = bound(linear(draws=1), x, 4000), bound(linear("vae"), x, 4000)
    assert one == pytest.approx(elbo, abs=4 * (error**2 + other**2) ** 0.5)
    assert error < 0.05


def test_its_halves_are_reported_and_not_trained_on(x):
    terms = linear(draws=5).losses(Batch.of(x), Context(torch.Generator()))
    assert {name: term.weight for name, term in terms.items()} == {"bound": 1.0, "reconstruction": 0.0, "kl": 0.0}


def test_many_draws_of_many_rows_are_decoded_a_part_at_a_time(x, monkeypatch):
    monkeypatch.setattr("hourglass.models.iwae._AT_ONCE", 60)
    model, sizes = linear(draws=20), []
    model.decoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    bound(model, x, 2)
    assert max(sizes) <= 60
    assert sum(sizes) == 20 * 2 * ROWS
