"""Ratios and intelligibility of sound against closed forms, published properties and another implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.sound import intelligibility, si_sdr, stoi


def speech(seed: int = 0, seconds: float = 2.0, rate: int = 10_000) -> np.ndarray:
    """Noise whose loudness comes and goes as that of syllables does."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * (pitch * time + draw.random())) / pitch for pitch in range(200, 4000, 200))
    return tones * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) * 100


def noise(like: np.ndarray, decibels: float, seed: int = 1) -> np.ndarray:
    """White noise at a signal-to-noise ratio."""
    return like.std() * 10 ** (-decibels / 20) * np.random.default_rng(seed).standard_normal(len(like))


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 20.0])
def test_the_ratio_of_orthogonal_noise_is_that_of_the_powers(decibels):
    time = np.arange(800) / 800
    clean, other = np.sin(2 * np.pi * 5 * time), np.cos(2 * np.pi * 5 * time)
    assert si_sdr(clean, clean + 10 ** (-decibels / 20) * other) == pytest.approx(decibels)


@given(st.floats(0.01, 100), st.floats(-5, 5))
def test_loudness_and_a_constant_change_no_ratio(factor, constant):
    clean = speech(seconds=0.1)
    noisy = clean + noise(clean, 3)
    assert si_sdr(clean, factor * noisy + constant) == pytest.approx(si_sdr(clean, noisy), abs=1e-6)


def test_clean_speech_is_wholly_intelligible():
    clean = speech()
    assert stoi(clean, clean, 10_000) == pytest.approx(1)
    assert stoi(clean, 0.1 * clean, 10_000) == pytest.approx(1)


def test_the_more_noise_the_less_is_intelligible():
    clean = speech()
    found = [stoi(clean, clean + noise(clean, decibels), 10_000) for decibels in (20, 10, 0, -10)]
    assert found == sorted(found, reverse=True)
    assert abs(stoi(clean, noise(clean, 0), 10_000)) < 0.2


@pytest.mark.parametrize(("decibels", "known"), [(10, 0.84057), (0, 0.49609), (-5, 0.31080)])
def test_intelligibility_is_what_pystoi_finds(decibels, known):
    """Values of pystoi 0.4.1, which leaves the last frame out."""
    clean = speech()
    assert stoi(clean, clean + noise(clean, decibels), 10_000) == pytest.approx(known, abs=2e-3)


def paper(clean: np.ndarray, found: np.ndarray) -> float:
    """Taal et al. 2011, section II, at 10 kHz, word by word: equations 1 to 6 with the paper's numbers."""

    def windowed(of: np.ndarray) -> list[np.ndarray]:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 257) / 257)
        return [of[start : start + 256] * window for start in range(0, len(of) - 255, 128)]

    def spoken(of: np.ndarray) -> np.ndarray:
        energies = [10 * np.log10((frame**2).sum()) for frame in windowed(clean)]
        kept = [frame for frame, one in zip(windowed(of), energies, strict=True) if one > max(energies) - 40]
        joined = np.zeros(128 * (len(kept) + 1))
        for place, frame in enumerate(kept):
            joined[128 * place : 128 * place + 256] += frame
        return joined

    def loudness(of: np.ndarray) -> np.ndarray:
        powers = np.abs([np.fft.fft(frame, 512) for frame in windowed(spoken(of))]) ** 2
        bands = []
        for band in range(15):
            centre = 150 * 2 ** (band / 3)
            low, high = (round(edge * 512 / 10_000) for edge in (centre / 2 ** (1 / 6), centre * 2 ** (1 / 6)))
            bands.append(np.sqrt(powers[:, low:high].sum(axis=1)))
        return np.array(bands)

    parts = []
    for x, y in zip(loudness(clean), loudness(found), strict=True):
        for end in range(30, len(x) + 1):
            short, other = x[end - 30 : end], y[end - 30 : end]
            other = np.minimum(other * np.sqrt((short**2).sum() / (other**2).sum()), short * (1 + 10 ** (15 / 20)))
            parts.append(np.corrcoef(short, other)[0, 1])
    return float(np.mean(parts))


@pytest.mark.parametrize("decibels", [20, 0, -15])
def test_intelligibility_follows_the_paper_s_equations(decibels):
    """Speech that fades by 80 dB, so that frames of it are silence, under noise that clips some bands."""
    clean = speech() * 10 ** -np.linspace(0, 4, 20_000)
    noisy = clean + noise(clean, decibels)
    assert stoi(clean, noisy, 10_000) == pytest.approx(paper(clean, noisy), abs=1e-9)


def test_the_whole_is_the_mean_over_segments_and_bands():
    clean = speech()
    found = intelligibility(clean, clean + noise(clean, 0), 10_000)
    assert found.shape[1] == 15
    assert stoi(clean, clean + noise(clean, 0), 10_000) == pytest.approx(found.mean())


def test_silence_before_and_after_counts_for_nothing():
    clean = speech()
    noisy = clean + noise(clean, 0)
    around = [np.pad(one, 2560) for one in (clean, noisy)]
    assert stoi(*around, 10_000) == pytest.approx(stoi(clean, noisy, 10_000), abs=0.01)


def test_what_is_shorter_than_a_segment_is_judged_too():
    clean = speech(seconds=0.2)
    assert stoi(clean, clean, 10_000) == pytest.approx(1)
    assert stoi(clean, clean + noise(clean, 0), 10_000) < 0.95


def test_a_silent_reference_has_no_intelligibility():
    assert np.isnan(stoi(np.zeros(5000), np.ones(5000), 8000))


def test_another_rate_is_brought_to_that_of_the_paper():
    clean = speech(rate=16_000)
    at_16, at_10 = (stoi(one, one + noise(one, 5), rate) for one, rate in ((clean, 16_000), (speech(), 10_000)))
    assert stoi(clean, clean, 16_000) == pytest.approx(1)
    assert at_16 > at_10  # noise above 5 kHz, which no band hears, is a part of the 5 dB
