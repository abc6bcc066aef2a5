"""What every variant has to beat: PCA at the same width, and its own net before training."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hourglass import models
from hourglass.models.shared.variant import Variant
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.schema import schema_from_config


def components(latent: int, features: int) -> int:
    """Choose the width of PCA: that of the code, or half a row's where the code is as wide as a row and PCA copies."""
    return latent if latent < features else max(features // 2, 1)


def pca_residuals(train: NDArray[Any], x: NDArray[Any], latent: int) -> NDArray[np.float64]:
    """Residuals of PCA, fitted to training rows, as the baseline of a code of that width: shape of `x`."""
    flat, fitted = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (x, train))
    pca = PCA(min(components(latent, flat.shape[1]), *fitted.shape), svd_solver="full").fit(fitted)
    residuals: NDArray[np.float64] = (pca.inverse_transform(pca.transform(flat)) - flat).reshape(x.shape)
    return residuals


def untrained_net(config: dict[str, Any], *, seed: int) -> Variant:
    """Make the variant's net with freshly drawn weights.

    Parameters
    ----------
    config : dict
        Of the package: ``variant``, ``shape``, ``schema``, ``settings``, ``condition``.
    seed : int
    """
    beside: dict[str, Any] = {"categories": schema_from_config(config["schema"]).categories}
    if config["condition"]:
        conditioning = Conditioning.from_config(config["condition"])
        beside |= {"known": conditioning.known, "known_shape": conditioning.known_shape}
    return models.build(config["variant"], config["shape"], config["settings"], seed=seed, **beside).eval()


def untrained_residuals(config: dict[str, Any], x: NDArray[Any], *, seed: int) -> NDArray[np.float64]:
    """Residuals of that net: shape of `x`, which is float32."""
    model = untrained_net(config, seed=seed)
    with torch.no_grad():
        residuals: NDArray[np.float64] = model.reconstruct(torch.from_numpy(x)).numpy().astype(np.float64) - x
    return residuals
