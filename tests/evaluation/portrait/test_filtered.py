"""Rivals of a denoiser on the same rows."""

import numpy as np
import pytest

from hourglass.evaluation.fidelity import psnr, ssim
from hourglass.evaluation.portrait.filtered import beside_filters, nearness


def pair(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Smooth rows, clean and noisy."""
    draw = np.random.default_rng(seed)
    clean = np.sin(draw.uniform(0, 6, (10, *[1] * len(shape))) + np.linspace(0, 6, shape[-1])) * np.ones((10, *shape))
    return clean.astype(np.float32), (clean + 0.3 * draw.standard_normal(clean.shape)).astype(np.float32)


def test_pictures_are_measured_noisy_filtered_and_rebuilt():
    tuning, test = pair(0, (1, 12, 12)), pair(1, (1, 12, 12))
    found = beside_filters(tuning, test, test[0] * 0.99)
    names = [one["name"] for one in found]
    assert names == ["corrupted", "median", "Gaussian blur", "Wiener", "non-local means", "model"]
    by_name = dict(zip(names, found, strict=True))
    peak = float(np.ptp(test[0]))
    assert by_name["corrupted"]["psnr"] == pytest.approx(psnr(*test, peak))
    assert by_name["corrupted"]["ssim"] == pytest.approx(ssim(*test, peak))
    assert by_name["model"]["psnr"] > by_name["Gaussian blur"]["psnr"] > by_name["corrupted"]["psnr"] + 3
    assert [one["strength"] is None for one in found] == [True, False, False, False, False, True]


def test_strengths_are_chosen_on_other_rows_alone():
    tuning, test = pair(0, (2, 40)), pair(1, (2, 40))
    strengths = [[one["strength"] for one in beside_filters(tuning, (test[0], noisy), noisy)] for noisy in test]
    assert strengths[0] == strengths[1]


def test_tables_have_no_filters_and_no_similarity():
    tuning, test = pair(0, (12,)), pair(1, (12,))
    assert [one["name"] for one in beside_filters(tuning, test, test[1])] == ["corrupted", "model"]
    assert set(nearness(*test)) == {"psnr"}
