"""Classic filters, which know nothing of the data but what noise looks like: what a denoiser has to beat.

Each has a strength, which `tuned` chooses on rows that aren't those of the test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter, uniform_filter

from hourglass.runtime.spectra import cut, istft, stft

Array = NDArray[np.float64]

#: How far non-local means searches and compares (Buades, Coll & Morel 2005, section 5, for small pictures).
_SEARCH, _PATCH = 5, 3
_LEAST = 1e-12


@dataclass(frozen=True)
class Filter:
    """A filter that has a strength.

    Parameters
    ----------
    name : str
    apply : callable
        Takes rows of shape (rows, ...), the strength, and the dimensions along which neighbours lie.
    strengths : sequence of float
        What is tried.
    """

    name: str
    apply: Callable[[Array, float, tuple[int, ...]], Array]
    strengths: Sequence[float]

    def tuned(self, clean: Array, noisy: Array, axes: tuple[int, ...]) -> float:
        """Choose the strength that leaves the least squared error.

        Parameters
        ----------
        clean, noisy : ndarray of shape (rows, ...)
            The same rows without noise and with it.
        axes : tuple of int
            The dimensions along which neighbours lie.
        """
        errors = [float(np.square(self.apply(noisy, strength, axes) - clean).mean()) for strength in self.strengths]
        return self.strengths[int(np.argmin(errors))]


def median(x: Array, size: float, axes: tuple[int, ...]) -> Array:
    """Take the median of so many neighbours along each of `axes`; the shape of `x`, (rows, ...), stays."""
    return np.asarray(median_filter(x, round(size), axes=axes))


def gaussian(x: Array, deviation: float, axes: tuple[int, ...]) -> Array:
    """Blur with a Gaussian of a standard deviation, in neighbours, along `axes`; the shape of `x` stays."""
    return np.asarray(gaussian_filter(x, deviation, axes=axes))


def wiener(x: Array, noise: float, axes: tuple[int, ...]) -> Array:
    """Draw values to the mean of 3 neighbours along each dimension, the more the less these vary beyond the noise.

    Source: Lim 1990, "Two-dimensional signal and image processing", section 9.2.2.

    Parameters
    ----------
    x : ndarray
    noise : float
        Standard deviation of the noise.
    axes : tuple of int
    """
    mean = uniform_filter(x, 3, axes=axes)
    variance = np.maximum(uniform_filter(x * x, 3, axes=axes) - mean**2, _LEAST)
    return np.asarray(mean + np.maximum(1 - noise**2 / variance, 0) * (x - mean))


def non_local_means(x: Array, bandwidth: float, axes: tuple[int, ...]) -> Array:
    """Take the mean of values whose surroundings are alike.

    Source: Buades, Coll & Morel 2005, "A non-local algorithm for image denoising", section 3, with windows of 11 for
    the search and 3 for what is compared.

    Parameters
    ----------
    x : ndarray
    bandwidth : float
        Root mean square difference of surroundings that count e times less than equal ones.
    axes : tuple of int
    """
    padded = np.pad(x, [(_SEARCH, _SEARCH) if axis in axes else (0, 0) for axis in range(x.ndim)], mode="reflect")
    total, weight = np.zeros_like(x), np.zeros_like(x)
    for away in np.ndindex(*(2 * _SEARCH + 1,) * len(axes)):
        part = [slice(None)] * x.ndim
        for axis, start in zip(axes, away, strict=True):
            part[axis] = slice(start, start + x.shape[axis])
        other = padded[tuple(part)]
        alike = np.exp(-uniform_filter(np.square(other - x), _PATCH, axes=axes) / bandwidth**2)
        total, weight = total + alike * other, weight + alike
    return total / weight


#: Of rows whose neighbours are alike: pictures, signals. Strengths are in the rows' units, or sizes.
FILTERS = (
    Filter("median", median, (3, 5, 7)),
    Filter("Gaussian blur", gaussian, (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
    Filter("Wiener", wiener, (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)),
    Filter("non-local means", non_local_means, (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)),
)


def neighbours(shape: Sequence[int]) -> tuple[int, ...]:
    """Tell along which dimensions of an array of rows of some shape neighbours are alike; () of a table's columns.

    Height and width of pictures ([channels,] height, width), the length of signals (channels, length) that are longer
    than they have channels.
    """
    if len(shape) == 3:
        return (2, 3)
    if len(shape) == 2:
        return (2,) if shape[1] >= 4 * shape[0] else (1, 2)
    return ()


#: Strengths of `gated` that are tried.
GATES = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


def gated(noisy: Array, deviations: float, rate: int, usual: Array | None = None) -> Array:
    """Mute what isn't louder than usual: spectral gating.

    Source: Boll 1979, "Suppression of acoustic noise in speech using spectral subtraction", as a mask of 0 and 1 that
    is smoothed over 3 frequencies and frames.

    Parameters
    ----------
    noisy : ndarray of shape (samples,)
    deviations : float
        Standard deviations above its mean from which a frequency's amplitude is no noise.
    rate : int
        Samples per second.
    usual : ndarray of shape (samples,), optional
        The noise alone; by rule it is learnt from the recording itself.
    """
    size = 2 ** round(np.log2(0.032 * rate))
    spectra = stft(cut(noisy, size, size // 4))
    sizes = np.abs(spectra if usual is None else stft(cut(usual, size, size // 4)))
    limit = sizes.mean(axis=0) + deviations * sizes.std(axis=0)
    mask = uniform_filter((np.abs(spectra) > limit).astype(np.float64), 3)
    lead = size - size // 4
    return istft(mask * spectra, size, size // 4)[lead : lead + len(noisy)]
