"""The permutation test against cases whose answer is known, and the discrepancy against that of training."""

import numpy as np
import pytest
import torch

from hourglass.evaluation.portrait.prior import against_prior, permutation_test
from hourglass.models.shared.divergences import mmd
from hourglass.models.shared.priors import Gaussian, Uniform


def samples(seed, shift=0.0, rows=500, latent=4):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, latent)) + shift, draw.normal(size=(rows, latent))


def test_the_discrepancy_is_that_of_training():
    x, y = samples(0, shift=0.3, rows=60)
    expected = mmd(torch.from_numpy(x), torch.from_numpy(y)).mean().item()
    assert permutation_test(x, y, seed=0)["mmd"] == pytest.approx(expected, rel=1e-9)


def test_samples_of_one_distribution_are_rejected_as_seldom_as_the_level_says():
    p = np.array([permutation_test(*samples(seed, rows=30, latent=2), seed=seed)["p_value"] for seed in range(100)])
    assert (p <= 0.1).mean() == pytest.approx(0.1, abs=0.09)  # three standard errors
    assert p.mean() == pytest.approx(0.5, abs=0.1)


def test_a_shift_of_half_a_standard_deviation_is_seen():
    assert permutation_test(*samples(0, shift=0.5), seed=0)["p_value"] == pytest.approx(1 / 501)


def test_a_wrong_shape_with_the_right_mean_and_variance_is_seen():
    draw = np.random.default_rng(0)
    signs = draw.choice([-1.0, 1.0], size=(500, 4))
    assert permutation_test(signs, draw.normal(size=(500, 4)), seed=0)["p_value"] < 0.01


def test_a_draw_of_each_posterior_stands_for_its_row():
    rows = 2000
    z = 0.6 * np.random.default_rng(0).standard_normal((rows, 2))
    matched = {"z": z, "logvar": np.full((rows, 2), 2 * np.log(0.8))}
    assert against_prior(Gaussian(2), matched, seed=0)[0]["p_value"] > 0.01
    assert against_prior(Gaussian(2), {"z": z}, seed=0)[0]["p_value"] < 0.01


def test_quantiles_of_matching_codes_lie_on_the_priors():
    z = np.random.default_rng(0).uniform(-np.sqrt(3), np.sqrt(3), (4000, 3))
    _, arrays = against_prior(Uniform(3), {"z": z}, seed=0)
    assert arrays["code_quantiles"].shape == (33, 3)
    np.testing.assert_allclose(arrays["code_quantiles"], np.repeat(arrays["prior_quantiles"][:, None], 3, 1), atol=0.1)
    assert arrays["prior_quantiles"][[0, 16, -1]] == pytest.approx([-1.68, 0, 1.68], abs=0.03)


def test_no_more_rows_are_tested_than_there_are():
    assert against_prior(Gaussian(2), {"z": samples(0, rows=40, latent=2)[0]}, seed=0)[0]["rows"] == 40


def expected_discrepancy(mean, variance, latent):
    """Integrate the kernel over two normals: C / (C + r^2) is a mixture of Gaussian kernels, of weight exp(-t)."""
    from scipy.integrate import quad

    def kernel(scale, shift, spread):  # of a difference N(shift, spread), per unit
        def of(t):
            width = 1 + 2 * t * spread / scale
            return np.exp(-t) * width ** (-latent / 2) * np.exp(-t * latent * shift**2 / scale / width)

        return quad(of, 0, np.inf)[0]

    scales = [2 * latent * factor for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    within = sum(kernel(scale, 0, 2 * variance) + kernel(scale, 0, 2) for scale in scales)
    return within - 2 * sum(kernel(scale, mean, 1 + variance) for scale in scales)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.5, 1.0), (0.0, 0.25), (1.0, 2.0)])
def test_the_discrepancy_of_a_normal_and_the_prior_is_that_of_the_integral(mean, variance):
    draw, latent = torch.Generator().manual_seed(0), 3
    normal, prior = torch.randn(2, 800, latent, generator=draw, dtype=torch.float64)
    parts = mmd(mean + variance**0.5 * normal, prior)
    error = 3 * parts.std().item() / 800**0.5
    assert parts.mean().item() == pytest.approx(expected_discrepancy(mean, variance, latent), abs=2 * error)
