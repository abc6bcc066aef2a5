import pytest
import torch
from scipy import stats

from hourglass.models.shared.priors import PRIORS, Fitted, Mixture


def drawn(prior, rows=20_000, latent=3):
    return PRIORS[prior](latent).draw(rows, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("prior", PRIORS)
def test_units_are_centred_and_uncorrelated(prior):
    z = drawn(prior)
    assert z.shape == (20_000, 3)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), rtol=0, atol=0.05)
    assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 0.05


@pytest.mark.parametrize(("prior", "reference"), [
    ("gaussian", stats.norm()), ("uniform", stats.uniform(-(3**0.5), 2 * 3**0.5)),
])  # fmt: skip
def test_units_have_the_distribution(prior, reference):
    for unit in drawn(prior).T:
        assert stats.kstest(unit.numpy(), reference.cdf).pvalue > 0.001


def test_the_mixture_has_equal_parts_on_both_sides_of_each_axis():
    z = drawn("mixture")
    centres = 2.0 * torch.cat([torch.eye(3), -torch.eye(3)])
    nearest = torch.cdist(z, centres).argmin(1).bincount(minlength=6) / len(z)
    torch.testing.assert_close(nearest, torch.full((6,), 1 / 6), rtol=0, atol=0.02)


def test_extreme_noise_still_names_a_component():
    z = Mixture(2)(torch.tensor([[-20.0, 0.0, 0.0], [20.0, 0.0, 0.0]]))
    assert z.tolist() == [[2.0, 0.0], [0.0, -2.0]]


def test_a_fitted_prior_has_the_mean_and_the_covariance_of_the_codes():
    generator = torch.Generator().manual_seed(1)
    codes = torch.randn(500, 3, generator=generator) @ torch.randn(3, 3, generator=generator) + 5
    z = Fitted(codes).draw(50_000, generator)
    torch.testing.assert_close(z.mean(0), codes.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(z.T.cov(), codes.T.cov(), rtol=0.05, atol=0.05)


def test_a_prior_can_be_fitted_to_codes_of_one_unit_and_to_equal_ones():
    z = Fitted(torch.full((10, 1), 3.0)).draw(4, torch.Generator().manual_seed(0))
    torch.testing.assert_close(z, torch.full((4, 1), 3.0))
