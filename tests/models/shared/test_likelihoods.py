import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal
from torch.nn import functional

from hourglass.models.shared.likelihoods import LIKELIHOODS, bounded_logvar

finite = st.floats(-1e6, 1e6, width=32)


@pytest.fixture
def rows():
    """Give a decoder's output, one number per feature, and targets in (0, 1)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(5, 1, 2, 3, generator=generator), torch.rand(5, 2, 3, generator=generator)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_likelihood_gives_rows_inside_its_support_and_one_loss_for_each(name, rows):
    likelihood = LIKELIHOODS[name]()
    output, target = rows
    mean = likelihood.mean(100 * output)
    assert mean.shape == target.shape
    assert likelihood.support[0] <= mean.min()
    assert mean.max() <= likelihood.support[1]
    assert likelihood.nll(output, target).shape == (5,)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_loss_is_stationary_where_the_mean_is_the_target(name, rows):
    likelihood = LIKELIHOODS[name]()
    output, _ = rows
    gradient = torch.func.grad(lambda given: likelihood.nll(given, likelihood.mean(output)).sum())(output)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


def test_squared_error_is_a_gaussian_of_fixed_width_up_to_a_constant(rows):
    output, target = rows
    gaussian = Normal(output.squeeze(1), 0.5**0.5)
    difference = LIKELIHOODS["mse"]().nll(output, target) + gaussian.log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(difference, difference.mean().expand(5))


@pytest.mark.parametrize("variance", [0.1, 1.0, 3.0])
def test_the_gaussian_loss_is_the_negative_log_density(variance, rows):
    output, target = rows
    likelihood = LIKELIHOODS["gaussian"]().eval()
    likelihood.variance.fill_(variance)
    expected = -Normal(output.squeeze(1), variance**0.5).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(likelihood.nll(output, target), expected)


def test_the_bernoulli_loss_is_the_negative_log_probability(rows):
    output, target = rows
    bits = target.round()
    expected = -Bernoulli(logits=output.squeeze(1)).log_prob(bits).flatten(1).sum(1)
    torch.testing.assert_close(LIKELIHOODS["bernoulli"]().nll(output, bits), expected)


def test_the_bernoulli_loss_takes_shades_of_grey(rows):
    output, target = rows
    likelihood = LIKELIHOODS["bernoulli"]()
    expected = functional.binary_cross_entropy(likelihood.mean(output), target, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(likelihood.nll(output, target), expected)


@pytest.fixture
def residuals():
    """Give outputs and targets that differ by noise of variance 0.09."""
    target = 0.3 * torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    return torch.zeros(64, 1, 10), target


def test_training_takes_the_width_to_where_the_loss_is_least(residuals):
    likelihood = LIKELIHOODS["gaussian"]()
    for _ in range(1500):
        likelihood.nll(*residuals)
    likelihood.eval()
    least = likelihood.nll(*residuals).mean()
    assert likelihood.variance.item() == pytest.approx(residuals[1].square().mean().item(), rel=1e-3)
    for factor in (0.8, 1.25):
        other = LIKELIHOODS["gaussian"]().eval()
        other.variance.fill_(factor * likelihood.variance.item())
        assert other.nll(*residuals).mean() > least


def test_evaluation_leaves_the_width_alone(residuals):
    likelihood = LIKELIHOODS["gaussian"]().eval()
    before = likelihood.variance.clone()
    likelihood.nll(*residuals)
    assert torch.equal(likelihood.variance, before)


def test_data_without_spread_leave_the_loss_finite():
    likelihood = LIKELIHOODS["gaussian"]().eval()
    likelihood.variance.zero_()
    assert likelihood.nll(torch.zeros(2, 1, 3), torch.zeros(2, 3)).isfinite().all()


@given(finite)
def test_a_bounded_log_variance_stays_inside_its_limit(value):
    assert abs(bounded_logvar(torch.tensor(value)).item()) <= 14


@given(finite, finite)
def test_bounding_keeps_the_order(one, other):
    low, high = sorted((one, other))
    assert bounded_logvar(torch.tensor(low)) <= bounded_logvar(torch.tensor(high))


@given(st.floats(-1, 1, width=32))
def test_bounding_is_the_identity_near_zero(value):
    assert bounded_logvar(torch.tensor(value)).item() == pytest.approx(value, abs=abs(value) ** 3 / 500 + 1e-6)


@given(st.floats(-40, 40, width=32))
def test_bounding_is_smooth_enough_to_come_back_from_anywhere(value):
    slope = torch.func.grad(bounded_logvar)(torch.tensor(value)).item()
    assert 0 < slope <= 1


def test_bounding_is_done_in_single_precision():
    assert bounded_logvar(torch.tensor(0.5, dtype=torch.bfloat16)).dtype == torch.float32
