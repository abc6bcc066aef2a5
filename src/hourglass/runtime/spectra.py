"""Waveforms and their spectra: frames, the short-time Fourier transform and its inverse, mel bands.

A spectrum's power is in the waveform's own units: white noise of variance v has the mean power v in every bin and band.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-12


def frames(x: NDArray[Any], size: int, hop: int) -> NDArray[Any]:
    """List the stretches of `size` samples of waveforms of shape (..., samples), each `hop` after the one before.

    Returns
    -------
    ndarray of shape (..., frames, size)
        A read-only view.
    """
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=-1)[..., ::hop, :]


def overlap_add(pieces: NDArray[np.float64], hop: int, window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo `frames`: every sample is the mean of the pieces that hold it, weighted by their window.

    Parameters
    ----------
    pieces : ndarray of shape (..., pieces, size)
    hop : int
        At most `size`.
    window : ndarray of shape (size,)
        Weight of each place in a piece; positive.

    Returns
    -------
    ndarray of shape (..., size + (pieces - 1) hop)
    """
    return _sum(pieces * window, hop) / _sum(np.broadcast_to(window, pieces.shape[-2:]), hop)


def cut(x: NDArray[Any], size: int, hop: int) -> NDArray[Any]:
    """List the frames of a waveform between zeros, so that every sample lies in equally many; see `frames`.

    Parameters
    ----------
    x : ndarray of shape (samples,)
    size, hop : int

    Returns
    -------
    ndarray of shape (frames, size)
        Frame k starts at sample ``k hop - (size - hop)``; the last one holds the last sample.
    """
    lead = size - hop
    count = (len(x) - 1 + lead) // hop + 1
    padded = np.zeros((count - 1) * hop + size, x.dtype)
    padded[lead : lead + len(x)] = x
    return frames(padded, size, hop)


def joined(pieces: NDArray[np.float64], hop: int, samples: int, window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo `cut` of a waveform of so many samples; see `overlap_add`."""
    lead = pieces.shape[-1] - hop
    return overlap_add(pieces, hop, window)[lead : lead + samples]


def hann(size: int) -> NDArray[np.float64]:
    """Give the periodic Hann window, moved by half a sample so that it has no zero: ``sin^2(pi (n + 1/2) / size)``."""
    window: NDArray[np.float64] = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    return window


def stft(pieces: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """Transform frames of shape (..., size) under the root of `hann`: shape (..., size // 2 + 1).

    Divided by the root of the window's power, so that ``abs(stft)**2`` of white noise is its variance.
    """
    window = hann(pieces.shape[-1])
    spectra: NDArray[np.complex128] = np.fft.rfft(pieces * np.sqrt(window / window.sum()))
    return spectra


def istft(spectra: NDArray[np.complex128], size: int, hop: int) -> NDArray[np.float64]:
    """Undo `stft` of frames that overlap: the waveform whose spectra are nearest in the mean square.

    Source: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.

    Parameters
    ----------
    spectra : ndarray of shape (..., frames, size // 2 + 1)
    size, hop : int

    Returns
    -------
    ndarray of shape (..., size + (frames - 1) hop)
    """
    window = hann(size)
    return overlap_add(np.fft.irfft(spectra, size) / np.sqrt(window / window.sum()), hop, window)


def griffin_lim(
    magnitudes: NDArray[np.float64], size: int, hop: int, generator: np.random.Generator, steps: int = 60
) -> NDArray[np.float64]:
    """Find waveforms whose spectra have given magnitudes, from random phases on.

    Source: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", section III; the squared
    distance of the magnitudes falls in every step.

    Parameters
    ----------
    magnitudes : ndarray of shape (..., frames, size // 2 + 1)
    size, hop : int
    generator : Generator
    steps : int

    Returns
    -------
    ndarray of shape (..., size + (frames - 1) hop)
    """
    spectra = magnitudes * np.exp(2j * np.pi * generator.random(magnitudes.shape))
    for _ in range(steps):
        found = stft(frames(istft(spectra, size, hop), size, hop))
        spectra = magnitudes * found / np.maximum(np.abs(found), _LEAST)
    return istft(spectra, size, hop)


@cache
def mel_filters(bands: int, size: int, rate: int) -> NDArray[np.float64]:
    """Give the weights of bins in mel bands, each of which sums to 1: shape (bands, size // 2 + 1).

    Triangles with corners evenly spaced from 0 to half the rate in ``mel = 2595 log10(1 + f / 700)`` (O'Shaughnessy
    1987, "Speech communication", p. 150; the HTK Book 3.4, section 5.4).

    Raises
    ------
    ValueError
        A band lies between two bins.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    bins = np.arange(size // 2 + 1) * rate / size
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    weights = np.maximum(np.minimum(rising, falling), 0)
    sums = weights.sum(axis=1, keepdims=True)
    if (sums == 0).any():
        raise ValueError(f"band {int((sums == 0).argmax()) + 1} of {bands} lies between two bins")
    return np.asarray(weights / sums)


def from_mel(powers: NDArray[np.float64], size: int, rate: int, steps: int = 30) -> NDArray[np.float64]:
    """Find powers of bins, none negative, that give the powers of mel bands.

    Least squares by multiplicative steps, none of which leads away (Lee & Seung 2001, "Algorithms for non-negative
    matrix factorization", theorem 1), from powers interpolated between the bands.

    Parameters
    ----------
    powers : ndarray of shape (..., bands)
    size, rate : int
        As of `mel_filters`.
    steps : int

    Returns
    -------
    ndarray of shape (..., size // 2 + 1)
    """
    filters = mel_filters(powers.shape[-1], size, rate)
    shares = filters / np.maximum(filters.sum(axis=0), _LEAST)
    wanted: NDArray[np.float64] = powers @ filters
    found: NDArray[np.float64] = powers @ shares
    for _ in range(steps):
        found = found * (wanted / np.maximum(found @ filters.T @ filters, _LEAST**2))
    return found


def fade(count: int, size: int, hop: int) -> NDArray[np.float64]:
    """Give how well so many frames cover each of their samples, 1 at best: shape (size + (count - 1) hop,)."""
    cover = _sum(np.broadcast_to(hann(size), (count, size)), hop)
    share: NDArray[np.float64] = cover / cover.max()
    return share


def _sum(pieces: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    """Add pieces up where they lie in the waveform."""
    *others, count, size = pieces.shape
    parts = -(-size // hop)
    total = np.zeros((*others, count + parts - 1, hop))
    padded = np.zeros((*others, count, parts * hop))
    padded[..., :size] = pieces
    for part in range(parts):
        total[..., part : part + count, :] += padded[..., part * hop : (part + 1) * hop]
    return total.reshape(*others, -1)[..., : size + (count - 1) * hop]
