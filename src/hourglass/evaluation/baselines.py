"""What every variant has to beat: PCA at the same width, and its own net before training."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hourglass import models


def pca_residuals(train: NDArray[Any], x: NDArray[Any], width: int) -> NDArray[np.float64]:
    """Residuals of PCA with `width` components, fitted to training rows: shape of `x`."""
    flat, fitted = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (x, train))
    pca = PCA(min(width, *fitted.shape), svd_solver="full").fit(fitted)
    residuals: NDArray[np.float64] = (pca.inverse_transform(pca.transform(flat)) - flat).reshape(x.shape)
    return residuals


def untrained_residuals(config: dict[str, Any], x: NDArray[Any], *, seed: int) -> NDArray[np.float64]:
    """Residuals of the variant's net with freshly drawn weights: shape of `x`.

    Parameters
    ----------
    config : dict
        Of the package: ``variant``, ``shape``, ``settings``.
    x : ndarray of float32
    seed : int
    """
    model = models.build(config["variant"], config["shape"], config["settings"], seed=seed).eval()
    with torch.no_grad():
        residuals: NDArray[np.float64] = model.reconstruct(torch.from_numpy(x)).numpy().astype(np.float64) - x
    return residuals
