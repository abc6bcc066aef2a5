"""What codes look like."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A unit is active if its posterior mean varies by more than this over rows (Burda, Grosse & Salakhutdinov 2016).
ACTIVE_VARIANCE = 0.01


def posterior(z: NDArray[Any], logvar: NDArray[Any]) -> dict[str, Any]:
    """Describe a Gaussian posterior against N(0, 1).

    Parameters
    ----------
    z, logvar : ndarray of shape (rows, latent)

    Returns
    -------
    dict
        ``kl``, the mean over rows of ``sum (mu^2 + s^2 - 1 - log s^2) / 2`` over units, in nats per row; from 0, which
        is collapse. ``kl_per_unit``, the same of each unit (Kingma & Welling 2014, appendix B). ``active_units``, how
        many units have a ``mu`` whose variance over rows is above .01: 0 to the latent width (Burda, Grosse &
        Salakhutdinov 2016, section 5.2).
    """
    mu, log_variance = z.astype(np.float64), logvar.astype(np.float64)
    per_unit = (0.5 * (mu**2 + np.exp(log_variance) - 1 - log_variance)).mean(axis=0)
    return {
        "kl": float(per_unit.sum()),
        "kl_per_unit": [float(value) for value in per_unit],
        "active_units": int((mu.var(axis=0) > ACTIVE_VARIANCE).sum()),
    }


def effective_dimension(z: NDArray[Any]) -> float:
    """Count the directions that codes of shape (rows, latent) use: the participation ratio of their covariance.

    ``sum(v)^2 / sum(v^2)`` of its eigenvalues, from 1 to the latent width; 0 where all codes are the same (Gao et al.
    2017).
    """
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(z.astype(np.float64), rowvar=False)))
    squares = float((values**2).sum())
    return float(values.sum() ** 2 / squares) if squares > 0 else 0.0
