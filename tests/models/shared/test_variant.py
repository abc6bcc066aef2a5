import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.models.shared.variant import Variant


def test_a_row_is_scored_by_its_mean_squared_error():
    x, x_hat = torch.rand(2, 5, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = mean_squared_error(x.flatten(1).T, x_hat.flatten(1).T, multioutput="raw_values")
    np.testing.assert_allclose(Variant((2, 3)).anomaly_score(x, x_hat), expected, rtol=1e-6)


def test_a_variant_must_say_what_its_loss_is():
    with pytest.raises(NotImplementedError):
        Variant((3,)).losses(Batch.of(torch.rand(2, 3)), Context(torch.Generator()))
