"""A variant shows what its package offers, through evaluate."""

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.evaluation.evaluate import evaluate
from hourglass.params import EvaluateParams
from tests.conftest import packaged

LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("image_vae", {"prior", "directions"}),
        ("image_vq_vae", {"codebook", "directions"}),
        ("signal_denoiser", {"denoising"}),
        pytest.param("image_cvae", {"prior", "conditions", "directions"}, marks=LONG),
        pytest.param("image_sparse", {"sparsity", "directions"}, marks=LONG),
        pytest.param("table_autoencoder", set(), marks=LONG),
    ],
)
def test_each_package_shows_what_it_has(name, shown, request):
    made = request.getfixturevalue(name)
    found, arrays = evaluate(made.model, made.dataset, EvaluateParams(bootstrap=100, map_rows=100), seed=0)
    assert set(found["portrait"]) == shown | {"traversals", "interpolations"}
    assert all(np.isfinite(values).all() for values in arrays.values())


@LONG
def test_a_model_that_is_told_an_array_walks_beside_the_typical_rows_and_translates(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 6)) * [3, 2, 1, 1, 1, 1]
    beside = np.stack([x, x[:, ::-1]], axis=1)
    data = DataParams(source="pairs", condition=["other"])
    raw = Raw("array", x, pd.DataFrame(), {"other": beside})
    made = packaged(raw, data, "cvae", {"latent": 2, "hidden": [16]}, tmp_path / "made")
    found, arrays = evaluate(made.model, made.dataset, EvaluateParams(bootstrap=100, map_rows=100), seed=0)
    walked = found["portrait"]["traversals"]
    told = {"other": beside[walked["row"] : walked["row"] + 1]}
    place = list(arrays["map_index"]).index(walked["row"])
    code = arrays["map_z"][place : place + 1].copy()
    unit = walked["units"][0] - 1
    code[:, unit] = np.quantile(arrays["map_z"][:, unit], 0.98)
    served = made.model.normaliser(made.model.decode(code, condition=told))
    np.testing.assert_allclose(arrays["traversal_x"][0, -1], served[0], atol=1e-4)
    assert not np.allclose(served, made.model.normaliser(made.model.decode(code)), atol=0.01)
    assert set(found["portrait"]) == {"traversals", "interpolations", "prior", "translation"}
    translation = found["portrait"]["translation"]
    assert translation["known"] == "other"
    assert translation["mse"] < 0.7 * translation["mean_mse"]
    rivals = {one["name"]: one for one in translation["rivals"]}
    assert set(rivals) == {"mean row", "linear map", "model"}
    assert rivals["linear map"]["psnr"] > rivals["model"]["psnr"] > rivals["mean row"]["psnr"] + 1
    assert rivals["linear map"]["strength"] == 1e-4
    assert arrays["translation_made"].shape == arrays["translation_real"].shape == (8, 6)
    assert np.isfinite(arrays["traversal_x"]).all()
