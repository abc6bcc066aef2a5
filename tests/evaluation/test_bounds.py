"""Bounds on log p(x) against linear nets, which are probabilistic PCA: their log p(x) is known."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from hourglass import models
from hourglass.evaluation.bounds import bounds, counts_up_to

ROWS, FEATURES, LATENT = 40, 5, 2


def linear(sigma=0.8):
    """Make a net whose decoder is W z + b with noise of a fixed width, and rows that it could have made."""
    net = models.build("vae", (FEATURES,), {"latent": LATENT, "hidden": [], "sigma": sigma}, seed=0).eval()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        net.decoder[0].weight.copy_(torch.randn(FEATURES, LATENT, generator=draw))
    weight, bias = net.decoder[0].weight.detach(), net.decoder[0].bias.detach()
    truth = MultivariateNormal(bias, weight @ weight.T + sigma**2 * torch.eye(FEATURES))
    z = torch.randn(ROWS, LATENT, generator=draw)
    x = z @ weight.T + bias + sigma * torch.randn(ROWS, FEATURES, generator=draw)
    return net, x, truth


def set_posterior(net, shift=0.0, widen=1.0, sigma=0.8):
    """Have the encoder give the true posterior, which is normal, or one beside it; the logvar has no row in it."""
    weight, bias = net.decoder[0].weight.detach().clone(), net.decoder[0].bias.detach()
    precision = torch.eye(LATENT) + weight.T @ weight / sigma**2
    rotation = torch.linalg.eigh(precision).eigenvectors
    with torch.no_grad():  # turn the code so that the posterior has independent units
        net.decoder[0].weight.copy_(weight @ rotation)
    variance = 1 / torch.linalg.eigvalsh(precision)
    to_mean = variance[:, None] * (weight @ rotation).T / sigma**2
    layer = net.encoder[1]
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:LATENT] = to_mean
        layer.bias[:LATENT] = shift - to_mean @ bias
        wanted = torch.log(widen * variance)
        layer.bias[LATENT:] = 14 * torch.atanh(wanted / 14)


def measured(net, x, draws=1000, seed=0, **options):
    return bounds(net, x, draws=draws, generator=torch.Generator().manual_seed(seed), **options)


def test_with_the_true_posterior_every_bound_is_the_likelihood():
    net, x, truth = linear()
    set_posterior(net)
    found = measured(net, x, draws=100)
    exact = truth.log_prob(x)
    for bound, error in found.iwae.values():
        assert bound == pytest.approx(exact.mean().item(), abs=1e-4)
        assert error == pytest.approx((exact.std() / ROWS**0.5).item(), rel=1e-3)
    assert found.elbo == pytest.approx(exact.mean().item(), abs=0.1), "its halves are apart by the error of the draws"


def test_with_another_posterior_the_bounds_rise_to_the_likelihood():
    net, x, truth = linear()
    set_posterior(net, shift=0.3, widen=1.5)
    found = measured(net, x, draws=5000)
    exact = truth.log_prob(x).mean().item()
    values = [bound for bound, _ in found.iwae.values()]
    assert list(found.iwae) == [1, 10, 100, 1000, 5000]
    assert values == sorted(values)
    assert values[0] == pytest.approx(found.elbo, abs=0.01)
    assert values[0] < exact - 0.1
    assert values[-1] == pytest.approx(exact, abs=0.02)


def test_the_gap_of_the_elbo_is_the_divergence_from_the_true_posterior():
    shift, widen = 0.3, 1.5
    net, x, truth = linear()
    set_posterior(net, shift, widen)
    # the divergence of N(m + shift, widen v) from N(m, v), of each unit
    variance = torch.exp(net.encode(x)["logvar"][0]) / widen
    divergence = 0.5 * (widen + shift**2 / variance - 1 - np.log(widen)).sum().item()
    gap = truth.log_prob(x).mean().item() - measured(net, x, draws=5000).elbo
    assert gap == pytest.approx(divergence, abs=0.02)


def test_bounds_do_not_depend_on_how_many_draws_are_decoded_at_once_but_for_their_noise():
    net, x, _ = linear()
    set_posterior(net, shift=0.2)
    whole, parts = (measured(net, x, draws=200, at_once=many) for many in (10**6, 64))
    assert whole.rate == parts.rate
    assert whole.iwae[200][0] == pytest.approx(parts.iwae[200][0], abs=0.02)


def test_rows_in_several_parts_give_the_mean_over_all(monkeypatch):
    from hourglass.evaluation import bounds as module

    net, x, truth = linear()
    set_posterior(net)
    monkeypatch.setattr(module, "_HELD", 700)
    found = measured(net, x, draws=100)
    assert (found.rows, found.draws) == (ROWS, 100)
    assert found.iwae[100][0] == pytest.approx(truth.log_prob(x).mean().item(), abs=1e-4)


@pytest.mark.parametrize(
    ("draws", "counts"),
    [(5000, (1, 10, 100, 1000, 5000)), (1000, (1, 10, 100, 1000)), (50, (1, 10, 50)), (7, (1, 7)), (1, (1,))],
)
def test_counts_divide_each_other(draws, counts):
    assert counts_up_to(draws) == counts


def test_a_conditional_net_is_told_the_condition():
    net = models.build("cvae", (3,), {"latent": 2, "hidden": [4]}, seed=0, known=2).eval()
    x, told = torch.randn(6, 3), torch.eye(2).repeat(3, 1)
    draw = [torch.Generator().manual_seed(0) for _ in range(2)]
    one, other = (
        bounds(net, x, condition, draws=10, generator=generator)
        for condition, generator in zip((told, 1 - told), draw, strict=True)
    )
    assert one.elbo != other.elbo
