"""Frames, spectra and mel bands against closed forms and SciPy; whatever is taken apart comes back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT

from hourglass.runtime import spectra

LAYOUT = st.integers(2, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


@given(layout=LAYOUT, samples=st.integers(1, 200))
def test_a_waveform_comes_back_from_its_frames(layout: tuple[int, int], samples: int) -> None:
    size, hop = layout
    x = noise(samples)
    pieces = spectra.cut(x, size, hop)
    assert pieces[-1].any()
    np.testing.assert_allclose(spectra.joined(pieces, hop, samples, spectra.hann(size)), x, atol=1e-9)


@given(layout=LAYOUT, samples=st.integers(1, 200))
def test_every_sample_lies_in_equally_many_frames(layout: tuple[int, int], samples: int) -> None:
    size, hop = layout
    places = spectra.cut(np.arange(1, samples + 1), size, hop)
    times = np.bincount(places[places > 0], minlength=samples + 1)[1:]
    assert set(times) <= {size // hop, -(-size // hop)}


@given(layout=LAYOUT, count=st.integers(1, 8))
def test_a_waveform_comes_back_from_its_spectra(layout: tuple[int, int], count: int) -> None:
    size, hop = layout
    x = noise(2, size + (count - 1) * hop)
    found = spectra.stft(spectra.frames(x, size, hop))
    np.testing.assert_allclose(spectra.istft(found, size, hop), x, atol=1e-9)


def test_the_transform_is_that_of_scipy() -> None:
    x, size, hop = noise(1000), 64, 16
    window = np.sqrt(spectra.hann(size))
    theirs = ShortTimeFFT(window, hop, fs=1, phase_shift=None).stft(x, p0=2, p1=50)
    ours = spectra.stft(spectra.frames(x, size, hop))
    np.testing.assert_allclose(ours[: theirs.shape[1]], theirs.T / np.sqrt((window**2).sum()), atol=1e-12)


def test_white_noise_has_its_variance_in_every_bin_and_band() -> None:
    power = np.abs(spectra.stft(spectra.frames(3 * noise(400_000), 64, 64))) ** 2
    np.testing.assert_allclose(power.mean(0)[1:-1], 9, rtol=0.08)
    assert power.mean() == pytest.approx(9, rel=0.01)
    np.testing.assert_allclose((power @ spectra.mel_filters(10, 64, 8000).T).mean(0), 9, rtol=0.08)


def test_a_tone_is_in_the_bin_of_its_frequency() -> None:
    x = np.sin(2 * np.pi * 1000 * np.arange(256) / 8000)
    assert np.abs(spectra.stft(x)).argmax() == 1000 * 256 // 8000


def test_mel_bands_are_triangles_between_corners_evenly_spaced_in_mel() -> None:
    filters = spectra.mel_filters(20, 512, 16000)
    np.testing.assert_allclose(filters.sum(1), 1)
    peaks = filters.argmax(1) * 16000 / 512
    mel = 2595 * np.log10(1 + 8000 / 700) * np.arange(1, 21) / 21
    np.testing.assert_allclose(peaks, 700 * (10 ** (mel / 2595) - 1), atol=16000 / 512)
    # the corners of 1000 Hz = 1000 mel: the scale's definition
    assert 2595 * np.log10(1 + 1000 / 700) == pytest.approx(1000, abs=0.1)


def test_bands_narrower_than_a_bin_are_refused() -> None:
    with pytest.raises(ValueError, match="band 1 of 100 lies between two bins"):
        spectra.mel_filters(100, 64, 8000)


def test_powers_of_bins_come_nearer_to_those_of_the_bands_with_every_step_and_are_never_negative() -> None:
    filters = spectra.mel_filters(16, 256, 8000)
    bands = noise(5, 129) ** 2 @ filters.T
    found = [spectra.from_mel(bands, 256, 8000, steps) for steps in (0, 1, 5, 25, 125)]
    assert all((powers >= 0).all() for powers in found)
    errors = [np.square(powers @ filters.T - bands).sum() for powers in found]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * np.square(bands).sum()


def test_a_level_spectrum_comes_back_from_its_mel_bands() -> None:
    inner = slice(2, -12)  # the first and the last band end in nothing
    np.testing.assert_allclose(spectra.from_mel(np.full(16, 3.0), 256, 8000)[inner], 3, rtol=1e-6)


def test_a_fade_is_1_where_all_frames_overlap() -> None:
    cover = spectra.fade(6, 32, 8)
    assert cover[0] == pytest.approx(np.sin(np.pi / 64) ** 2 / 2)
    np.testing.assert_allclose(cover[24:-24], 1)
    assert len(cover) == 32 + 5 * 8


def test_griffin_lim_comes_nearer_to_the_magnitudes_with_every_step() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(704) / 8000)
    wanted = np.abs(spectra.stft(spectra.frames(tone, 128, 32)))

    def distance(steps: int) -> float:
        found = spectra.griffin_lim(wanted, 128, 32, np.random.default_rng(0), steps)
        return float(np.square(np.abs(spectra.stft(spectra.frames(found, 128, 32))) - wanted).sum())

    distances = [distance(steps) for steps in (0, 1, 2, 4, 8, 16, 32, 64)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.02 * np.square(wanted).sum()
