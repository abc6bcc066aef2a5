import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.models.shared.sigma import bounded_logvar, width_for

finite = st.floats(-1e6, 1e6, width=32)
POWERS = pytest.mark.parametrize("power", [1, 2])
SPREADS = torch.tensor([0.05, 0.3, 2.0])


@pytest.fixture
def deviations():
    """Give how far three features of 256 rows are from their means, each with a spread of its own."""
    return (SPREADS * torch.randn(256, 3, generator=torch.Generator().manual_seed(0))).abs()


def loss(width, output, deviations, power):
    """Give the negative log-likelihood of deviations, but for a constant."""
    spread = width(output, deviations**power)
    return (deviations**power / spread / power + spread.log() / power).mean()


def follow(width, deviations, power):
    for _ in range(1500):
        width(torch.zeros(256, 1, 3), deviations**power)
    return width.eval()


@POWERS
def test_the_shared_width_goes_to_the_mean_deviation_of_all_features(power, deviations):
    width = follow(width_for("optimal", (3,), power), deviations, power)
    torch.testing.assert_close(width.value, (deviations**power).mean(), rtol=1e-3, atol=0)


@POWERS
def test_each_features_width_goes_to_its_own_mean_deviation(power, deviations):
    width = follow(width_for("per_feature", (3,), power), deviations, power)
    torch.testing.assert_close(width.value, (deviations**power).mean(0), rtol=1e-3, atol=1e-6)


@POWERS
@pytest.mark.parametrize("sigma", ["optimal", "per_feature"])
def test_the_loss_is_least_at_the_width_that_training_finds(sigma, power, deviations):
    width, output = width_for(sigma, (3,), power), torch.zeros(256, 1, 3)
    least = loss(follow(width, deviations, power), output, deviations, power)
    for factor in (0.8, 1.25):
        width.value.mul_(factor)
        assert loss(width, output, deviations, power) > least
        width.value.div_(factor)


@POWERS
def test_the_learned_width_reaches_the_mean_deviation_by_its_gradient(power, deviations):
    width = width_for("learned", (3,), power)
    optimizer = torch.optim.Adam(width.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        loss(width, torch.zeros(256, 1, 3), deviations, power).backward()
        optimizer.step()
    found = width(torch.zeros(256, 1, 3), deviations)
    torch.testing.assert_close(found, (deviations**power).mean(), rtol=1e-3, atol=0)


@POWERS
def test_the_best_predicted_width_is_the_deviation_of_each_row_and_feature(power):
    width = width_for("predicted", (2,), power)
    deviations = torch.tensor([[0.1, 0.5], [2.0, 1.0]])
    output = torch.zeros(2, 2, 2, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        loss(width, output, deviations, power).backward()
        optimizer.step()
    torch.testing.assert_close(width(output, deviations), deviations**power, rtol=1e-3, atol=0)


@POWERS
def test_a_fixed_width_is_the_number_and_stays_it(power, deviations):
    assert follow(width_for(0.3, (3,), power), deviations, power).value.item() == pytest.approx(0.3**power)


@pytest.mark.parametrize("sigma", ["optimal", "per_feature"])
def test_the_first_loss_is_by_the_width_of_its_batch_and_others_by_the_width_before(sigma, deviations):
    width, output = width_for(sigma, (3,), 2), torch.zeros(256, 1, 3)
    first = width(output, deviations)
    assert torch.equal(first, width.value)
    torch.testing.assert_close(first, deviations.mean(0) if sigma == "per_feature" else deviations.mean())
    assert torch.equal(width(output, 2 * deviations), first)
    assert not torch.equal(width.value, first)


@pytest.mark.parametrize("sigma", ["optimal", "per_feature"])
def test_evaluation_leaves_the_width_alone(sigma, deviations):
    width = width_for(sigma, (3,), 2).eval()
    before = width.value.clone()
    width(torch.zeros(256, 1, 3), deviations)
    assert torch.equal(width.value, before)


@POWERS
@pytest.mark.parametrize("sigma", ["optimal", "per_feature"])
def test_features_without_spread_keep_a_width(sigma, power):
    width = width_for(sigma, (3,), power).eval()
    width.value.zero_()
    found = width(torch.zeros(2, 1, 3), torch.zeros(2, 3))
    torch.testing.assert_close(found, torch.full_like(found, 1e-3**power))


@given(finite)
def test_a_predicted_width_is_positive_and_finite_whatever_the_decoder_says(value):
    found = width_for("predicted", (1,), 2)(torch.full((1, 2, 1), value), torch.zeros(1, 1))
    assert 0 < found.item() < float("inf")


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
