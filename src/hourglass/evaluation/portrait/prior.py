"""Codes of all rows together against the prior that training pulls them towards."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass.models.shared.priors import Prior

Array = NDArray[np.float64]

_ROWS, _PERMUTATIONS = 500, 500
_QUANTILES, _DRAWS, _UNITS = 33, 10_000, 64
#: Those of `models.shared.divergences.mmd`.
_SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def against_prior(
    prior: Prior, found: dict[str, NDArray[Any]], *, seed: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Compare codes with draws of the prior.

    Parameters
    ----------
    prior : Prior
    found : dict of str to ndarray
        What the encoder says of held-out normal rows; where there is a ``"logvar"``, a row's code is one draw of its
        posterior.
    seed : int

    Returns
    -------
    dict
        ``mmd``, ``p_value`` and ``rows`` of `permutation_test`.
    dict of str to ndarray
        ``prior_quantiles`` of shape (quantiles,): those of one unit of the prior; ``code_quantiles`` of shape
        (quantiles, units) beside them, of the first 64 units.
    """
    generator = torch.Generator().manual_seed(seed)
    z = found["z"]
    if "logvar" in found:
        noise = torch.randn(z.shape, generator=generator).numpy()
        z = z + np.exp(0.5 * found["logvar"]) * noise
    some = z[:_ROWS]
    p = permutation_test(some, prior.draw(len(some), generator).numpy(), seed=seed)
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    draws = prior.draw(_DRAWS, generator).numpy()[:, :_UNITS]
    quantiles = {
        "prior_quantiles": np.quantile(draws, levels).astype(np.float32),
        "code_quantiles": np.quantile(z[:, :_UNITS], levels, axis=0).astype(np.float32),
    }
    return p | {"rows": len(some)}, quantiles


def permutation_test(x: NDArray[Any], y: NDArray[Any], *, seed: int) -> dict[str, float]:
    """Test whether two samples of equal size come from one distribution.

    Parameters
    ----------
    x, y : ndarray of shape (rows, latent)
    seed : int
        Of the permutations.

    Returns
    -------
    dict
        ``mmd``, the squared maximum mean discrepancy, unbiased (Gretton et al. 2012, equation 3), with the kernel that
        training uses (Tolstikhin et al. 2018, appendix C): about 0 where the samples match, lower is better;
        ``p_value``, the share of 500 permutations of all rows that give at least as much, the samples themselves
        counted among them: 1/501 to 1, small where they differ.
    """
    both = np.concatenate([x, y]).astype(np.float64)
    first = np.zeros((2 * len(x), 1 + _PERMUTATIONS))
    first[: len(x)] = 1
    first[:, 1:] = np.random.default_rng(seed).permuted(first[:, 1:], axis=0)
    found, *chance = _discrepancies(_kernel(both), first)
    return {"mmd": float(found), "p_value": float((1 + (np.array(chance) >= found).sum()) / (1 + _PERMUTATIONS))}


def _discrepancies(kernel: Array, first: Array) -> Array:
    """Give the discrepancy for each column of `first`, which is 1 for rows of the first sample, 0 for others."""
    rows = len(kernel) // 2
    to_first = kernel @ first
    to_second = kernel.sum(axis=1, keepdims=True) - to_first
    within = (first * to_first + (1 - first) * to_second).sum(axis=0) / (rows * max(rows - 1, 1))
    found: Array = within - 2 * (first * to_second).sum(axis=0) / rows**2
    return found


def _kernel(rows: Array) -> Array:
    """Sum of inverse multiquadratics, 0 between a row and itself."""
    norms = np.square(rows).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms - 2 * rows @ rows.T, 0)
    scales = (2 * rows.shape[1] * factor for factor in _SCALES)
    kernel: Array = np.sum([scale / (scale + squares) for scale in scales], axis=0)
    np.fill_diagonal(kernel, 0)
    return kernel
