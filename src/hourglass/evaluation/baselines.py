"""What every variant has to beat: PCA at the same width, and its own net before training."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hourglass import models
from hourglass.data.dataset import Dataset
from hourglass.evaluation.parts import parts, sample
from hourglass.models.shared.variant import Variant
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.schema import schema_from_config

#: Features whose covariance still fits the memory.
_WIDEST = 4096


def components(latent: int, features: int) -> int:
    """Choose the width of PCA: that of the code, or half a row's where the code is as wide as a row and PCA copies."""
    return latent if latent < features else max(features // 2, 1)


@dataclass(frozen=True)
class Pca:
    """The baseline of a code of some width.

    Parameters
    ----------
    mean : ndarray of shape (features,)
    axes : ndarray of shape (components, features)
        Orthonormal, by descending variance.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset, latent: int) -> "Pca":
        """Fit it to the training rows of a data set: by their singular values, or else by their covariance.

        Where neither all rows nor the covariance of their features fit the memory, by the singular values of a sample.
        """
        places, features = sample(dataset, "train"), prod(dataset.info["shape"])
        if len(places) == dataset.count("train") or features > _WIDEST:
            return cls.of_rows(dataset.normaliser(dataset.take("train", places).x), latent)
        return cls.of_parts((dataset.normaliser(rows.x) for rows, _ in parts(dataset, "train")), latent)

    @classmethod
    def of_rows(cls, rows: NDArray[Any], latent: int) -> "Pca":
        """Fit it to rows in memory: shape (rows, ...)."""
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        pca = PCA(min(components(latent, flat.shape[1]), *flat.shape), svd_solver="full").fit(flat)
        return cls(pca.mean_, pca.components_)

    @classmethod
    def of_parts(cls, rows: Iterable[NDArray[Any]], latent: int) -> "Pca":
        """Fit it to the covariance of rows that come in parts of shape (rows, ...)."""
        count, total, products = 0, np.zeros(()), np.zeros(())
        origin: NDArray[np.float64] | None = None
        for part in rows:
            flat = part.reshape(len(part), -1).astype(np.float64)
            origin = flat.mean(axis=0) if origin is None else origin  # near the mean, so that little cancels below
            flat -= origin
            count, total, products = count + len(flat), total + flat.sum(axis=0), products + flat.T @ flat
        assert origin is not None  # noqa: S101
        _, vectors = np.linalg.eigh(products - np.outer(total, total) / count)
        width = min(components(latent, len(origin)), count)
        return cls(origin + total / count, np.ascontiguousarray(vectors.T[::-1][:width]))

    def codes(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Give the coordinates of rows along the axes: shape (rows, components)."""
        codes: NDArray[np.float64] = (x.reshape(len(x), -1).astype(np.float64) - self.mean) @ self.axes.T
        return codes

    def residuals(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Reconstruction minus rows: shape of `x`."""
        centred = x.reshape(len(x), -1).astype(np.float64) - self.mean
        residuals: NDArray[np.float64] = (centred @ self.axes.T @ self.axes - centred).reshape(x.shape)
        return residuals


def untrained_net(config: dict[str, Any], *, seed: int) -> Variant:
    """Make the variant's net with freshly drawn weights.

    Parameters
    ----------
    config : dict
        Of the package: ``variant``, ``shape``, ``schema``, ``settings``, ``condition``.
    seed : int
    """
    schema = schema_from_config(config["schema"])
    beside: dict[str, Any] = {"categories": schema.categories, "embedded": schema.embedded}
    if config["condition"]:
        conditioning = Conditioning.from_config(config["condition"])
        beside |= {"known": conditioning.known, "known_shape": conditioning.known_shape}
    return models.build(config["variant"], config["shape"], config["settings"], seed=seed, **beside).eval()


def untrained_residuals(model: Variant, x: NDArray[Any]) -> NDArray[np.float64]:
    """Residuals of such a net: shape of `x`, which is float32."""
    with torch.no_grad():
        residuals: NDArray[np.float64] = model.reconstruct(torch.from_numpy(x)).numpy().astype(np.float64) - x
    return residuals
