"""Packages of the variants that have something of their own to show."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.evaluation.portrait.rows import Rows
from tests.conftest import DIGITS, Packaged, packaged


def rows_of(made: Any, split: str = "test") -> Rows:
    """The normal rows of a split."""
    rows = made.dataset.rows(split)
    normal = np.flatnonzero(~made.dataset.is_anomaly(rows.label))
    return Rows(made.dataset.raw(split), np.asarray(rows.label), np.asarray(rows.index)).take(normal)


@pytest.fixture(scope="session")
def signal_denoiser(shared: Path) -> Packaged:
    """A denoising autoencoder on sines of random phase, with noise at 10 dB."""
    draw = np.random.default_rng(0)
    sines = np.sin(np.linspace(0, 6, 24) + draw.uniform(0, 2 * np.pi, (600, 1)))
    settings = {"latent": 4, "hidden": [48], "corruption": "additive", "level": 10}
    raw = Raw("array", sines, pd.DataFrame())
    return packaged(raw, DataParams(source="sines"), "denoising", settings, shared / "signal_denoiser")


@pytest.fixture(scope="session")
def image_sparse(digits: Raw, shared: Path) -> Packaged:
    """A Top-K autoencoder on images."""
    settings = {"latent": 16, "hidden": [32], "sparsity": "top_k", "k": 3}
    return packaged(digits, DIGITS, "sparse", settings, shared / "image_sparse")
