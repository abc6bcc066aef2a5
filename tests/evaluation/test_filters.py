"""Each filter against its definition, and the choice of its strength."""

import numpy as np
import pytest

from hourglass.evaluation.filters import FILTERS, gated, neighbours, non_local_means, wiener
from hourglass.sound import si_sdr


def noisy_squares(seed: int, sigma: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of bright squares, clean and noisy: shape (rows, 1, 16, 16)."""
    draw = np.random.default_rng(seed)
    clean = np.zeros((12, 1, 16, 16))
    for picture, (top, left) in zip(clean, draw.integers(0, 8, (12, 2)), strict=True):
        picture[0, top : top + 8, left : left + 8] = 1
    return clean, clean + sigma * draw.standard_normal(clean.shape)


@pytest.mark.parametrize("one", FILTERS, ids=lambda one: one.name)
def test_every_filter_lessens_noise_on_rows_that_it_was_not_tuned_on(one):
    strength = one.tuned(*noisy_squares(0), (2, 3))
    clean, noisy = noisy_squares(1)
    left = np.square(one.apply(noisy, strength, (2, 3)) - clean).mean()
    assert left < 0.6 * np.square(noisy - clean).mean()


@pytest.mark.parametrize("one", FILTERS, ids=lambda one: one.name)
def test_rows_channels_and_order_change_nothing(one):
    _, noisy = noisy_squares(0)
    strength = one.strengths[2]
    together = one.apply(noisy, strength, (2, 3))
    np.testing.assert_allclose(one.apply(noisy[3:4], strength, (2, 3)), together[3:4], atol=1e-12)
    two = np.concatenate([noisy, noisy[::-1]], axis=1)
    np.testing.assert_allclose(one.apply(two, strength, (2, 3))[:, :1], together, atol=1e-12)


def test_the_strength_is_the_one_that_leaves_the_least_error():
    clean, noisy = noisy_squares(0)
    for one in FILTERS:
        errors = {s: np.square(one.apply(noisy, s, (2, 3)) - clean).mean() for s in one.strengths}
        assert one.tuned(clean, noisy, (2, 3)) == min(errors, key=errors.get)


def test_a_wiener_filter_leaves_what_varies_beyond_noise_and_takes_the_mean_elsewhere():
    step = np.repeat([[0.0, 0.0, 0.0, 10.0, 10.0, 10.0]], 6, axis=0)[None]
    found = wiener(step, 0.1, (1, 2))
    np.testing.assert_allclose(found, step, atol=0.01)
    ripple = np.tile([0.0, 0.01], (6, 3))[None]
    np.testing.assert_allclose(wiener(ripple, 1.0, (2,))[0, :, 1:-1], [[0.01 / 3, 0.02 / 3] * 2] * 6)


def test_non_local_means_of_a_wide_band_are_the_plain_mean():
    x = np.arange(7.0)[None]
    padded = np.pad(x[0], 5, mode="reflect")
    expected = [padded[place : place + 11].mean() for place in range(7)]
    np.testing.assert_allclose(non_local_means(x, 1e6, (1,))[0], expected)


def test_non_local_means_keep_what_repeats():
    x = np.tile([0.0, 0.0, 5.0], 8)[None]
    np.testing.assert_allclose(non_local_means(x, 0.5, (1,))[0, 6:-6], x[0, 6:-6], atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "axes"), [((28, 28), (1, 2)), ((3, 8, 8), (2, 3)), ((1, 64), (2,)), ((2, 16), (2,)), ((30,), ())]
)
def test_neighbours_lie_along_height_and_width_and_length(shape, axes):
    assert neighbours(shape) == axes


def test_a_gate_keeps_a_tone_and_mutes_noise():
    draw, time = np.random.default_rng(0), np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 1000 * time) * (time % 0.5 < 0.05)
    noise = 0.7 * draw.standard_normal(8000)
    before = si_sdr(tone, tone + noise)
    for usual, gain in ((None, 6), (0.7 * draw.standard_normal(8000), 6)):
        found = gated(tone + noise, 2.5, 8000, usual)
        assert found.shape == tone.shape
        assert si_sdr(tone, found) > before + gain
    np.testing.assert_allclose(gated(tone + noise, -1e9, 8000), tone + noise, atol=1e-9)
