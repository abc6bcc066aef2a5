"""What training sees is what serving sees."""

import numpy as np
import pytest
import torch

from hourglass.runtime.normaliser import GridCurve, LogCurve, Normaliser
from hourglass.stages.train import normalising

AFFINE = Normaliser(np.array([1.0, 1e9]), np.array([2.0, 3.0]))
CURVED = Normaliser(
    np.array([1.0, 0.5]),
    np.array([2.0, 3.0]),
    {0: LogCurve(), 1: GridCurve(np.array([0.0, 1.0]), np.array([-2.0, 2.0]))},
    {0: 7.0},
)


@pytest.mark.parametrize("normaliser", [AFFINE, CURVED], ids=["affine", "curved"])
def test_rows_are_normalised_in_training_as_in_serving(normaliser: Normaliser) -> None:
    x = np.random.default_rng(0).normal(0, 50, (100, 2))
    if not normaliser.is_affine:
        x[::7, 0] = np.nan
    seen = normalising(normaliser, torch.device("cpu"))(torch.from_numpy(x)).to(torch.float32)
    np.testing.assert_array_equal(seen.numpy(), normaliser(x))
