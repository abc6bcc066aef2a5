"""Resampling is that of SciPy, keeps what both rates can hold, and gives the same bits in parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from hourglass.runtime.resampling import Resampler

RATES = st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000])


@given(before=RATES, after=RATES, samples=st.integers(1, 3000), seed=st.integers(0, 9))
def test_the_result_is_that_of_scipy(before: int, after: int, samples: int, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal(samples)
    resampler = Resampler(before, after)
    expected = resample_poly(x, resampler.up, resampler.down) if before != after else x
    np.testing.assert_allclose(resampler(x), expected, atol=1e-12)


@given(before=RATES, after=RATES, samples=st.integers(1, 3000), size=st.integers(1, 900))
def test_parts_have_the_same_bits_as_the_whole(before: int, after: int, samples: int, size: int) -> None:
    x = np.random.default_rng(0).standard_normal(samples)
    resampler = Resampler(before, after)
    whole = resampler(x)
    count = resampler.count(samples)
    assert len(whole) == count
    for start in range(0, count, size):
        stop = min(start + size, count)
        low = max(0, start * resampler.down // resampler.up - resampler.margin)
        high = stop * resampler.down // resampler.up + 1 + resampler.margin
        np.testing.assert_array_equal(resampler.part(x[low:high], low, start, stop), whole[start:stop])


@pytest.mark.parametrize(("before", "after"), [(44100, 16000), (8000, 48000)])
def test_a_tone_that_both_rates_can_hold_keeps_its_amplitude_and_phase(before: int, after: int) -> None:
    def tone(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)

    inner = slice(after // 20, -after // 20)
    np.testing.assert_allclose(Resampler(before, after)(tone(before))[inner], tone(after)[inner], atol=2e-3)


def test_a_tone_that_the_new_rate_cant_hold_is_gone() -> None:
    tone = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(Resampler(16000, 8000)(tone)[400:-400]).max() < 2e-3
