"""How near rows are to the rows that they shall be: PSNR and SSIM, over all rows at once."""

from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

_LEAST = 1e-100
#: The window of SSIM: its standard deviation, and how far it reaches; and what keeps ratios finite, in parts of the
#: peak (Wang et al. 2004, section III-B).
_DEVIATION, _REACH = 1.5, 5
_K1, _K2 = 0.01, 0.03


def peak_of(reference: NDArray[Any]) -> float:
    """Give the range of the values of rows, of any shape: 1 for pictures between 0 and 1."""
    return float(reference.max() - reference.min())


def psnr(reference: NDArray[Any], estimate: NDArray[Any], peak: float) -> float:
    """Peak signal-to-noise ratio in dB: ``10 log10(peak^2 / mse)``, the mean squared error being that of all rows.

    -inf to inf, higher is better, and 6 dB are half the error. Above 900 for a perfect one.
    Source: Huynh-Thu & Ghanbari 2008, "Scope of validity of PSNR in image/video quality assessment", equation 1.

    Parameters
    ----------
    reference, estimate : ndarray of shape (rows, ...)
    peak : float
        The largest difference that there can be.
    """
    error = float(np.square(np.asarray(estimate, np.float64) - reference).mean())
    return 10 * log10(max(peak**2, _LEAST) / max(error, _LEAST))


def ssim(reference: NDArray[Any], estimate: NDArray[Any], peak: float) -> float:
    """Structural similarity: how far two pictures agree in brightness, contrast and structure around each pixel.

    -1 to 1, higher is better, 1 for a perfect one. The mean over all rows, channels and pixels around which the window,
    11 x 11 with Gaussian weights, lies in the picture; where no window fits, over all pixels, edges being mirrored.
    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation 13.

    Parameters
    ----------
    reference, estimate : ndarray of shape (rows, [channels,] height, width)
    peak : float
        The largest difference that there can be.
    """
    x, y = (np.asarray(one, np.float64) for one in (reference, estimate))
    mean_x, mean_y = _around(x), _around(y)
    variance = _around(x * x) + _around(y * y) - mean_x**2 - mean_y**2
    covariance = _around(x * y) - mean_x * mean_y
    c1, c2 = max((_K1 * peak) ** 2, _LEAST), max((_K2 * peak) ** 2, _LEAST)
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similar /= (mean_x**2 + mean_y**2 + c1) * (variance + c2)
    return float(similar[..., _inside(x.shape[-2]), _inside(x.shape[-1])].mean())


def _around(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the weighted mean around each pixel."""
    mean: NDArray[np.float64] = gaussian_filter(x, _DEVIATION, radius=_REACH, axes=(-2, -1))
    return mean


def _inside(side: int) -> slice:
    return slice(_REACH, side - _REACH) if side > 2 * _REACH else slice(None)
