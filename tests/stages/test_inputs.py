"""What training sees is what serving sees."""

import numpy as np
import pytest
import torch

from hourglass.errors import HourglassError
from hourglass.runtime.normaliser import GridCurve, LogCurve, Normaliser
from hourglass.stages.inputs import check_augment, normalising

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


@pytest.mark.parametrize("name", ["scale", "invert"])
def test_what_is_done_to_waveforms_is_refused_where_rows_are_spectra(name: str) -> None:
    check_augment(["shift", name], are_spectra=False)
    check_augment(["shift", "noise"], are_spectra=True)
    with pytest.raises(HourglassError, match=f"train.augment names '{name}', which is for signals and waveforms"):
        check_augment(["shift", name], are_spectra=True)
