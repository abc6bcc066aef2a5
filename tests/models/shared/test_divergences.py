import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from hourglass.models.shared.divergences import gaussian_kl, reparameterise

means = st.floats(-50, 50)
logvars = st.floats(-14, 14)


@given(means, logvars)
def test_the_kl_is_that_of_two_normal_distributions(mean, logvar):
    mu, log_variance = (torch.tensor([[value]], dtype=torch.float64) for value in (mean, logvar))
    expected = kl_divergence(Normal(mu, (0.5 * log_variance).exp()), Normal(torch.zeros_like(mu), 1.0))
    torch.testing.assert_close(gaussian_kl(mu, log_variance), expected, rtol=1e-9, atol=1e-9)
    assert gaussian_kl(mu, log_variance) >= -1e-12


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
