"""Codes drawn from where codes of rows really are: a mixture fitted to the aggregate posterior."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Normals of the mixture, codes that they are fitted to at most, and the widest codes with full covariances.
COMPONENTS, ROWS, _WIDEST = 10, 5000, 64
#: Codes for each component, at least.
_EACH = 10


def codes_of(found: dict[str, NDArray[Any]], draw: np.random.Generator) -> NDArray[np.float64]:
    """Draw one code of each row's posterior, or take the code where there is no posterior: shape (rows, latent)."""
    z = found["z"].astype(np.float64)
    if "logvar" not in found:
        return z
    return z + np.exp(0.5 * found["logvar"].astype(np.float64)) * draw.standard_normal(z.shape)


def draw(codes: NDArray[np.float64], count: int, *, seed: int) -> NDArray[np.float32]:
    """Fit a mixture of normals to codes and draw new ones from it: shape (count, latent).

    Ex-post density estimation (Ghosh et al. 2020, "From variational to deterministic autoencoders", section 4), with
    ten components.

    Parameters
    ----------
    codes : ndarray of shape (rows, latent)
        Of training rows.
    count : int
    seed : int
    """
    from sklearn.mixture import GaussianMixture

    components = max(1, min(COMPONENTS, len(codes) // _EACH))
    shape = "full" if codes.shape[1] <= _WIDEST else "diag"
    mixture = GaussianMixture(components, covariance_type=shape, reg_covar=1e-6, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged after a hundred rounds is near enough
        drawn, _ = mixture.fit(codes).sample(count)
    return np.random.default_rng(seed).permutation(drawn).astype(np.float32)
