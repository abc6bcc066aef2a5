"""How near sound is to the clean sound that it shall be."""

from functools import cache
from math import log10

import numpy as np
from numpy.typing import NDArray

from hourglass.runtime.resampling import Resampler
from hourglass.runtime.spectra import frames

_LEAST = float(np.finfo(np.float64).tiny)
#: Of STOI (Taal et al. 2011, section II): samples per second, samples of a frame and of its transform, thirds of an
#: octave from a frequency on, frames of a segment, dB below the loudest frame that is silence, and the least dB that a
#: band's signal lies above its distortion.
_RATE, _FRAME, _TRANSFORM = 10_000, 256, 512
_BANDS, _LOWEST = 15, 150.0
_SEGMENT = 30
_SILENCE, _CLIP = 40.0, -15.0

Waveform = NDArray[np.float64]


def si_sdr(reference: Waveform, estimate: Waveform) -> float:
    """Scale-invariant signal-to-distortion ratio in dB: what of the estimate is the reference, over the rest.

    Both without their mean; -inf to inf, higher is better, infinite for a perfect one.
    Source: Le Roux et al. 2019, "SDR - half-baked or well done?", equation 2.

    Parameters
    ----------
    reference, estimate : ndarray of shape (samples,)
    """
    reference, estimate = reference - reference.mean(), estimate - estimate.mean()
    target = float(estimate @ reference) / max(float(reference @ reference), _LEAST) * reference
    rest = estimate - target
    return 10 * log10(max(float(target @ target), _LEAST) / max(float(rest @ rest), _LEAST))


def stoi(reference: Waveform, estimate: Waveform, rate: int) -> float:
    """Short-time objective intelligibility: the mean of `intelligibility`.

    -1 to 1, higher is better; 1 for a perfect one, about 0 for what has nothing to do with the reference; NaN where the
    reference is silent throughout.

    Parameters
    ----------
    reference, estimate : ndarray of shape (samples,)
    rate : int
        Samples per second.
    """
    found = intelligibility(reference, estimate, rate)
    return float(found.mean()) if found.size else float("nan")


def intelligibility(reference: Waveform, estimate: Waveform, rate: int) -> NDArray[np.float64]:
    """Correlate the loudness of both over segments of 384 ms, in each third of an octave.

    Of many recordings, the mean over all segments is their STOI. Frames of silence in the reference are left out, and
    what is then shorter than a segment is repeated, where the paper is silent.
    Source: Taal et al. 2011, "An algorithm for intelligibility prediction of time-frequency weighted noisy speech",
    equations 1 to 5.

    Parameters
    ----------
    reference, estimate : ndarray of shape (samples,)
    rate : int
        Samples per second.

    Returns
    -------
    ndarray of shape (segments, bands)
        Empty where the reference is silent throughout.
    """
    resample = Resampler(rate, _RATE)
    pair = _spoken(np.stack([resample(reference), resample(estimate)]))
    if not pair.size:
        return np.empty((0, _BANDS))
    clean, found = (_segments(_loudness(waveform)) for waveform in pair)
    found = found * (_norm(clean) / np.maximum(_norm(found), _LEAST))
    found = np.minimum(found, clean * (1 + 10 ** (-_CLIP / 20)))
    clean, found = (one - one.mean(axis=-1, keepdims=True) for one in (clean, found))
    scale = np.maximum(_norm(clean) * _norm(found), _LEAST)
    return np.asarray((clean * found / scale).sum(axis=-1))


def _window() -> NDArray[np.float64]:
    return np.asarray(np.hanning(_FRAME + 2)[1:-1])


def _spoken(pair: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the frames in which the first of two waveforms is silent; give at least a segment, or nothing."""
    hop = _FRAME // 2
    pair = np.pad(pair, ((0, 0), (0, max(0, _FRAME - pair.shape[1]))))
    pieces = frames(pair, _FRAME, hop) * _window()
    energy = np.square(pieces[0]).sum(axis=-1)
    if not energy.any():
        return np.empty((2, 0))
    pieces = pieces[:, energy > energy.max() * 10 ** (-_SILENCE / 10)]
    joined = np.zeros((2, pieces.shape[1] + 1, hop))
    joined[:, :-1] += pieces[..., :hop]
    joined[:, 1:] += pieces[..., hop:]
    waveforms = joined.reshape(2, -1)
    return np.tile(waveforms, (1, -(-(_SEGMENT + 1) * hop // waveforms.shape[1])))


def _loudness(waveform: Waveform) -> NDArray[np.float64]:
    """Give the root of the power of each frame in each band: shape (frames, bands)."""
    spectra = np.fft.rfft(frames(waveform, _FRAME, _FRAME // 2) * _window(), _TRANSFORM)
    loudness: NDArray[np.float64] = np.sqrt(np.square(np.abs(spectra)) @ _thirds().T)
    return loudness


@cache
def _thirds() -> NDArray[np.float64]:
    """Tell which frequencies lie in each third of an octave: 0 or 1, of shape (bands, bins)."""
    bins = np.linspace(0, _RATE / 2, _TRANSFORM // 2 + 1)
    centres = _LOWEST * 2 ** (np.arange(_BANDS) / 3)
    edges = np.stack([centres * 2 ** (-1 / 6), centres * 2 ** (1 / 6)])
    low, high = np.abs(bins - edges[..., None]).argmin(axis=-1)
    place = np.arange(len(bins))
    return np.asarray((place >= low[:, None]) & (place < high[:, None]), np.float64)


def _segments(loudness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take each stretch of frames: shape (segments, bands, frames of a segment)."""
    return np.lib.stride_tricks.sliding_window_view(loudness, _SEGMENT, axis=0)


def _norm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.square(values).sum(axis=-1, keepdims=True)))
