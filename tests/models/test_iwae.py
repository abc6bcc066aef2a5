from itertools import pairwise

import pytest
import torch
from torch.distributions import MultivariateNormal

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context


def linear(draws):
    model = models.build("iwae", (5,), {"latent": 2, "hidden": [], "draws": draws}, seed=0).eval()
    model.likelihood.width.value.fill_(1.0)
    return model


def bound(model, x, repeats=200):
    with torch.no_grad():
        terms = model.losses(Batch.of(x.repeat_interleave(repeats, 0)), Context(torch.Generator().manual_seed(0)))
    return terms["bound"].value.view(len(x), repeats).mean(1)


@pytest.fixture
def x():
    return torch.randn(20, 5, generator=torch.Generator().manual_seed(1))


def test_the_bound_grows_tighter_with_the_draws_and_stays_a_bound(x):
    model = linear(1)
    weight, bias = model.decoder[0].weight.detach(), model.decoder[0].bias.detach()
    exact = -MultivariateNormal(bias, weight @ weight.T + torch.eye(5)).log_prob(x)
    bounds = [bound(linear(draws), x).mean() for draws in (1, 2, 5, 20, 200)]
    assert all(looser > tighter for looser, tighter in pairwise(bounds))
    assert bounds[-1] > exact.mean() - 0.01
    assert bounds[-1] == pytest.approx(exact.mean().item(), abs=0.05)


def test_with_one_draw_it_is_the_vaes_bound_on_average(x):
    settings = {"latent": 2, "hidden": []}
    vae = models.build("vae", (5,), settings, seed=0).eval()
    vae.likelihood.width.value.fill_(1.0)
    repeated = Batch.of(x.repeat_interleave(4000, 0))
    with torch.no_grad():
        terms = vae.losses(repeated, Context(torch.Generator().manual_seed(0)))
    elbo = (terms["reconstruction"].value + terms["kl"].value).view(20, 4000).mean(1)
    torch.testing.assert_close(bound(linear(1), x, 4000), elbo, rtol=0, atol=0.2)


def test_its_halves_are_reported_and_not_trained_on(x):
    terms = linear(5).losses(Batch.of(x), Context(torch.Generator()))
    assert {name: term.weight for name, term in terms.items()} == {"bound": 1.0, "reconstruction": 0.0, "kl": 0.0}
