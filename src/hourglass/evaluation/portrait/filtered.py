"""What a denoiser and classic filters make of the same noisy rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.fidelity import peak_of, psnr, ssim
from hourglass.evaluation.filters import FILTERS, neighbours

#: Rows that filters are tuned on, at most.
TUNED_ON = 64

Pair = tuple[NDArray[Any], NDArray[Any]]
#: A means, its strength, and the rows that it gives.
Found = tuple[str, float | None, NDArray[Any]]


def beside_filters(tuning: Pair, test: Pair, rebuilt: NDArray[Any]) -> list[dict[str, Any]]:
    """Measure noisy rows, what each filter makes of them, and what the model makes of them.

    Parameters
    ----------
    tuning, test : (ndarray, ndarray)
        Clean and noisy rows of shape (rows, *shape): those that each filter's strength is chosen on, by the least
        squared error, and those that are measured.
    rebuilt : ndarray
        What the model made of the noisy rows of the test.

    Returns
    -------
    list of dict
        ``name``; ``strength`` of a filter; ``psnr`` in dB; of pictures ``ssim``. No filters for tables.
    """
    clean, noisy = test
    found: list[Found] = [("corrupted", None, noisy), *filtered(tuning, noisy), ("model", None, rebuilt)]
    return measured(clean, found)


def filtered(tuning: Pair, noisy: NDArray[Any]) -> list[Found]:
    """Give what each filter makes of rows; nothing of tables, whose columns are no neighbours, or without `tuning`."""
    axes = neighbours(noisy.shape[1:])
    if not axes or not len(tuning[0]):
        return []
    few, corrupted = (rows[:TUNED_ON].astype(np.float64) for rows in tuning)
    strengths = [one.tuned(few, corrupted, axes) for one in FILTERS]
    x = noisy.astype(np.float64)
    return [
        (one.name, strength, one.apply(x, strength, axes)) for one, strength in zip(FILTERS, strengths, strict=True)
    ]


def measured(clean: NDArray[Any], found: list[Found]) -> list[dict[str, Any]]:
    """Give ``name``, ``strength`` and `nearness` of each."""
    return [{"name": name, "strength": strength} | nearness(clean, rows) for name, strength, rows in found]


def nearness(clean: NDArray[Any], rows: NDArray[Any]) -> dict[str, float]:
    """Give ``psnr`` in dB and, of pictures, ``ssim`` of rows of one shape; the peak is the range of the clean ones."""
    peak = peak_of(clean)
    found = {"psnr": psnr(clean, rows, peak)}
    if len(neighbours(clean.shape[1:])) == 2:
        found["ssim"] = ssim(clean, rows, peak)
    return found
