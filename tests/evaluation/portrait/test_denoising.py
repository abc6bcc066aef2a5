"""The gain of denoising against its closed form, and through a package."""

import numpy as np
import pytest

from hourglass.evaluation.portrait.denoising import compare, denoising, level_at

from .conftest import rows_of


def test_a_tenth_of_the_noise_is_a_gain_of_twenty_decibels():
    draw = np.random.default_rng(0)
    clean, noise = draw.normal(5, 1, (50, 2, 20)), draw.normal(0, 1, (50, 2, 20))
    found = compare(clean, clean + noise, clean + 0.1 * noise)
    assert found["gain"] == pytest.approx(20)
    assert found["snr_rebuilt"] == pytest.approx(found["snr_noisy"] + 20)
    assert found["snr_noisy"] == pytest.approx(0, abs=0.3)


def test_the_ratio_is_that_of_the_power_without_the_mean():
    clean = np.array([[100.0, 102.0]])
    assert compare(clean, clean + np.array([0.1, -0.1]), clean)["snr_noisy"] == pytest.approx(20)


def test_a_perfect_copy_of_a_constant_row_still_gives_numbers():
    assert all(np.isfinite(value) for value in compare(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3))).values())


@pytest.mark.parametrize(
    ("corruption", "level", "double"),
    [("gaussian", 0.2, 0.4), ("masking", 0.25, 0.5), ("masking", 0.9, 0.95), ("additive", 10, 3.9794)],
)
def test_noise_of_twice_the_amplitude(corruption, level, double):
    assert level_at(corruption, level, 2) == pytest.approx(double, abs=1e-4)


@pytest.fixture(scope="module")
def found(signal_denoiser):
    return denoising(signal_denoiser.model, rows_of(signal_denoiser), rows_of(signal_denoiser, "selection"), seed=0)


def test_rows_are_noisy_by_what_the_level_says(found):
    for one in found[0]["levels"]:
        assert one["snr_noisy"] == pytest.approx(one["level"], abs=0.5)


def test_three_levels_are_held_out(found):
    levels = found[0]["levels"]
    assert [one["level"] for one in levels if not one["held_out"]] == [10]
    assert len(levels) == 4


def test_a_denoiser_gains_at_strong_noise_it_never_saw(found):
    strongest = found[0]["levels"][0]
    assert strongest["held_out"]
    assert strongest["gain"] > 3


def test_what_is_shown_is_what_the_package_gives(signal_denoiser, found):
    rows, arrays = rows_of(signal_denoiser), found[1]
    clean = signal_denoiser.model.normaliser(rows.raw[:8])
    np.testing.assert_allclose(arrays["denoising_clean"], clean)
    raw = signal_denoiser.model.normaliser.inverse(arrays["denoising_noisy"])
    rebuilt = signal_denoiser.model.normaliser(signal_denoiser.model.reconstruct(raw))
    np.testing.assert_allclose(arrays["denoising_rebuilt"], rebuilt, atol=1e-5)


def test_the_error_on_clean_rows_is_told_apart(signal_denoiser, found):
    residuals = signal_denoiser.model.residuals(rows_of(signal_denoiser).take(slice(256)).raw)
    assert found[0]["clean_mse"] == pytest.approx(np.square(residuals).mean(), rel=1e-4)


def test_the_model_stands_beside_what_was_corrupted_at_the_level_of_training(found):
    corrupted, model = found[0]["rivals"]
    own = next(one for one in found[0]["levels"] if not one["held_out"])
    assert (corrupted["name"], model["name"]) == ("corrupted", "model")
    assert model["psnr"] - corrupted["psnr"] == pytest.approx(own["gain"])
