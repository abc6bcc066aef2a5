"""What codes look like."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A unit is active if its posterior mean varies by more than this over rows (Burda, Grosse & Salakhutdinov 2016).
ACTIVE_VARIANCE = 0.01
_NEIGHBOURS = 15


def posterior(z: NDArray[Any], logvar: NDArray[Any]) -> dict[str, Any]:
    """Describe a Gaussian posterior against N(0, 1).

    Parameters
    ----------
    z, logvar : ndarray of shape (rows, latent)

    Returns
    -------
    dict
        ``kl`` in nats per row (mean over rows, summed over units; 0 is collapse), ``kl_per_unit`` and
        ``active_units``.
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


def umap_map(z: NDArray[Any], *, seed: int) -> NDArray[np.float32]:
    """Lay codes out in the plane with UMAP (McInnes, Healy & Melville 2018): shape (rows, 2).

    The exact neighbours come from scikit-learn, as UMAP would compile a search of its own. Codes of one or two units
    are their own map.
    """
    if z.shape[1] <= 2:
        return np.pad(z, ((0, 0), (0, 2 - z.shape[1]))).astype(np.float32)
    from sklearn.neighbors import NearestNeighbors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        neighbours = min(_NEIGHBOURS, len(z) - 1)
        distances, indices = NearestNeighbors(n_neighbors=neighbours).fit(z).kneighbors(z)
        knn = (indices.astype(np.int32), distances.astype(np.float32))
        _keep_compiled()
        umap = UMAP(n_neighbors=neighbours, precomputed_knn=knn, random_state=seed, n_jobs=1, init="pca")
        layout: NDArray[np.float32] = umap.fit_transform(z)
    return layout


def _keep_compiled() -> None:
    """Have numba keep UMAP's compiled functions on disk; else every process compiles them, for ten seconds."""
    from numba.core.dispatcher import Dispatcher
    from umap import layouts, umap_

    for function in [*vars(layouts).values(), *vars(umap_).values()]:
        if isinstance(function, Dispatcher) and not function.signatures:
            function.enable_caching()


def trustworthiness(z: NDArray[Any], layout: NDArray[Any]) -> float:
    """Tell how far neighbours on a map are neighbours among the codes: 0 to 1, 1 is best (Venna & Kaski 2001).

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
    layout : ndarray of shape (rows, 2)
    """
    from sklearn.manifold import trustworthiness as score

    return float(score(z, layout, n_neighbors=min(_NEIGHBOURS, (len(z) - 1) // 2)))
