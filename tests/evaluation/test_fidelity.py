"""PSNR against its closed form, SSIM against its definition and another implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.evaluation.fidelity import peak_of, psnr, ssim


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Smooth pictures and noisy ones."""
    draw = np.random.default_rng(0)
    clean = draw.random((2, 20, 24)).cumsum(1).cumsum(2)
    clean /= clean.max()
    return clean, clean + 0.05 * draw.standard_normal(clean.shape)


@given(st.floats(1e-3, 10), st.floats(0.1, 300))
def test_an_error_of_one_size_everywhere_has_a_closed_form(error, peak):
    clean = np.zeros((3, 4, 5))
    assert psnr(clean, clean + error, peak) == pytest.approx(20 * np.log10(peak / error))


def test_errors_of_all_rows_are_added_before_the_logarithm():
    clean = np.zeros((2, 8))
    assert psnr(clean, np.array([[0.0] * 8, [0.2] * 8]), 1) == pytest.approx(-10 * np.log10(0.02))


def test_a_perfect_copy_has_a_number():
    clean, _ = pictures()
    assert psnr(clean, clean, peak_of(clean)) > 900
    assert ssim(clean, clean, peak_of(clean)) == pytest.approx(1)
    assert ssim(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), 0.0) == pytest.approx(1)


def test_the_peak_is_the_range():
    assert peak_of(np.array([[-1.0, 2.0], [0.0, 1.0]])) == 3


def test_similarity_is_what_scikit_image_finds():
    """Values of scikit-image 0.26.0 with Gaussian weights and without its correction of the covariance."""
    assert ssim(*pictures(), 1.0) == pytest.approx((0.7069414917616935 + 0.6593458962193643) / 2, rel=1e-9)


def test_similarity_is_that_of_the_definition():
    clean, noisy = (one[0, :11, :11] for one in pictures())
    weight = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    weights = np.outer(weight, weight) / weight.sum() ** 2
    mean_x, mean_y = (weights * clean).sum(), (weights * noisy).sum()
    var_x, var_y = (weights * (clean - mean_x) ** 2).sum(), (weights * (noisy - mean_y) ** 2).sum()
    covariance = (weights * (clean - mean_x) * (noisy - mean_y)).sum()
    expected = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4)
    assert ssim(clean[None], noisy[None], 1.0) == pytest.approx(expected)


def test_small_pictures_and_channels_have_a_similarity_too():
    clean, noisy = (one[:, :8, :8] for one in pictures())
    small = ssim(clean, noisy, 1.0)
    assert 0 < small < 1
    assert ssim(clean[:, None], noisy[:, None], 1.0) == pytest.approx(small)
    assert ssim(np.stack([clean, clean], 1), np.stack([noisy, clean], 1), 1.0) == pytest.approx((small + 1) / 2)


def test_a_negative_has_a_negative_similarity():
    texture = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 16, 16))
    assert ssim(5 + texture, 5 - texture, 1.0) < -0.9
