"""How many units of a code are active."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Share of the codes' root mean square from which a unit counts as active where codes have both signs.
_SIZE = 0.1


def sparsity(z: NDArray[Any], settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Count active units.

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
        Codes of held-out normal rows.
    settings : mapping
        Of the variant.

    Returns
    -------
    dict
        ``l0``, the mean number of active units of a row, 0 to the latent width, lower is sparser; ``dead``, the number
        of units that no row activates, 0 to the latent width, lower is better (both as Gao et al. 2024, "Scaling and
        evaluating sparse autoencoders", have them); ``active_is``, what counts as active, in words.
    dict of str to ndarray
        ``sparsity_l0`` of shape (rows,), ``sparsity_rate`` of shape (latent,): share of the rows that activate a unit.
    """
    active, words = _active(z, settings)
    l0, rate = active.sum(axis=1), active.mean(axis=0)
    return (
        {"l0": float(l0.mean()), "dead": int((rate == 0).sum()), "active_is": words},
        {"sparsity_l0": l0.astype(np.int64), "sparsity_rate": rate},
    )


def _active(z: NDArray[Any], settings: Mapping[str, Any]) -> tuple[NDArray[np.bool_], str]:
    if settings["sparsity"] == "kl":
        return z > 0.5, "above one half"
    if (z >= 0).all():
        return z > 0, "above 0"
    size = np.sqrt(np.square(z, dtype=np.float64).mean())
    return np.abs(z) > _SIZE * size, "beyond a tenth of the codes' root mean square"
