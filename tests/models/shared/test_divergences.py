import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from hourglass.models.shared.divergences import (
    above_free,
    gaussian_kl,
    log_mixture,
    log_mixture_of_units,
    log_normal,
    mmd,
    reparameterise,
)

means = st.floats(-50, 50)
logvars = st.floats(-14, 14)


@given(means, logvars)
def test_the_kl_is_that_of_two_normal_distributions(mean, logvar):
    mu, log_variance = (torch.tensor([[value]], dtype=torch.float64) for value in (mean, logvar))
    expected = kl_divergence(Normal(mu, (0.5 * log_variance).exp()), Normal(torch.zeros_like(mu), 1.0))
    torch.testing.assert_close(gaussian_kl(mu, log_variance), expected, rtol=1e-9, atol=1e-9)
    assert gaussian_kl(mu, log_variance) >= -1e-12


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (2.0, -2.0), (-1.0, 1.5), (0.3, -6.0)])
def test_the_kl_is_what_monte_carlo_finds(mean, logvar):
    mu, log_variance = (torch.full((200_000, 1), value, dtype=torch.float64) for value in (mean, logvar))
    z = reparameterise(mu, log_variance, torch.Generator().manual_seed(0))
    draws = log_normal(z, mu, log_variance) - log_normal(z, 0 * mu, 0 * log_variance)
    error = draws.std().item() / len(draws) ** 0.5
    assert draws.mean().item() == pytest.approx(gaussian_kl(mu[:1], log_variance[:1]).item(), abs=4 * error + 1e-12)
    assert error < 0.01


def test_the_kl_vanishes_at_the_prior_alone():
    zero, some = torch.zeros(1, 1), torch.full((1, 1), 0.1)
    assert gaussian_kl(zero, zero) == 0
    assert gaussian_kl(some, zero) > 0
    assert gaussian_kl(zero, some) > 0


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (2.0, -2.0), (-1.0, 1.5)])
def test_draws_have_the_posteriors_mean_and_variance(mean, logvar):
    mu, log_variance = torch.full((100_000, 1), mean), torch.full((100_000, 1), logvar)
    z = reparameterise(mu, log_variance, torch.Generator().manual_seed(0))
    variance = torch.tensor(logvar).exp().item()
    assert z.mean().item() == pytest.approx(mean, abs=5 * (variance / 100_000) ** 0.5)
    assert z.var().item() == pytest.approx(variance, rel=0.03)


def test_draws_are_differentiable_in_mean_and_log_variance():
    mu, logvar = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.2, -3.0]])

    def draw(mu, logvar):
        return reparameterise(mu, logvar, torch.Generator().manual_seed(0)).sum(0)

    by_mu, by_logvar = torch.func.jacrev(draw, argnums=(0, 1))(mu, logvar)
    torch.testing.assert_close(by_mu.squeeze(1), torch.eye(2))
    torch.testing.assert_close(by_logvar.squeeze(1), torch.diag(0.5 * (draw(mu, logvar) - mu[0])))


def test_the_generator_decides_the_draw():
    mu = torch.zeros(4, 2)
    first, again, other = (reparameterise(mu, mu, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_log_normal_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    z, mu, logvar = (torch.randn(7, 3, generator=generator) for _ in range(3))
    expected = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
    torch.testing.assert_close(log_normal(z, mu, logvar), expected)


def samples(rows, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(rows, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    return x + shift, y


def test_mmd_is_the_unbiased_estimate_over_all_pairs():
    x, y = samples(6)

    def kernel(a, b):
        return sum(6 * s / (6 * s + (a - b).square().sum()) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in pairs) / 30
    across = sum(kernel(a, b) for a in x for b in y) / 36
    torch.testing.assert_close(mmd(x, y).mean(), within - 2 * across)


def test_mmd_of_equal_distributions_is_zero_on_average_and_grows_with_their_distance():
    equal = torch.stack([mmd(*samples(50, seed=seed)).mean() for seed in range(200)])
    assert equal.mean().abs() < 4 * equal.std() / 200**0.5
    assert equal.mean() < mmd(*samples(50, 0.5)).mean() < mmd(*samples(50, 1.0)).mean()


def test_mmd_of_a_single_row_is_zero():
    assert torch.equal(mmd(torch.ones(1, 3), torch.zeros(1, 3)), torch.zeros(1))


def test_the_kl_of_a_batch_is_held_at_the_free_bits_unit_by_unit():
    kl = torch.tensor([[0.1, 2.0], [0.3, 0.2]], requires_grad=True)
    held = above_free(kl, 0.5)
    torch.testing.assert_close(held.mean(0), torch.tensor([0.5, 1.1]))
    held.sum().backward()
    assert kl.grad.tolist() == [[0, 1], [0, 1]]


def test_the_density_of_a_mixture_of_posteriors_is_that_of_the_reference():
    mu, logvar, z = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    normal = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    even = torch.distributions.Categorical(torch.ones(7))
    whole = torch.distributions.MixtureSameFamily(even, torch.distributions.Independent(normal, 1))
    torch.testing.assert_close(log_mixture(z, mu, logvar), whole.log_prob(z))
    units = [
        torch.distributions.MixtureSameFamily(
            even, torch.distributions.Normal(mu[:, unit], (0.5 * logvar[:, unit]).exp())
        ).log_prob(z[:, unit])
        for unit in range(4)
    ]
    torch.testing.assert_close(log_mixture_of_units(z, mu, logvar), torch.stack(units).sum(0))
