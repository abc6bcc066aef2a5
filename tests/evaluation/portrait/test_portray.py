"""A variant shows what its package offers, through evaluate."""

import numpy as np
import pytest

from hourglass.evaluation.evaluate import evaluate
from hourglass.params import EvaluateParams

LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("image_vae", {"prior"}),
        ("image_vq_vae", {"codebook"}),
        ("signal_denoiser", {"denoising"}),
        pytest.param("image_cvae", {"prior", "conditions"}, marks=LONG),
        pytest.param("image_sparse", {"sparsity"}, marks=LONG),
        pytest.param("table_autoencoder", set(), marks=LONG),
    ],
)
def test_each_package_shows_what_it_has(name, shown, request):
    made = request.getfixturevalue(name)
    found, arrays = evaluate(made.model, made.dataset, EvaluateParams(bootstrap=100, map_rows=100), seed=0)
    assert set(found["portrait"]) == shown | {"traversals", "interpolations"}
    assert all(np.isfinite(values).all() for values in arrays.values())
