"""`hourglass.fit` sorts its settings by what they are settings of."""

from typing import Any

import numpy as np
import pytest

import hourglass
from hourglass import models
from hourglass.settings import declared_settings
from hourglass.training.settings import TrainSettings


def test_settings_go_where_they_belong(surface: Any) -> None:
    x = surface(100, 1)
    model = hourglass.fit(
        x, variant="beta_vae", latent=2, beta=3.0, hidden=[16], epochs=1, kl_warmup=0.4, calibration_share=0.2
    )
    assert model.get_params(deep=False) | {
        "variant": "beta_vae",
        "latent": 2,
        "settings": {"beta": 3.0, "hidden": [16]},
        "epochs": 1,
        "training": {"kl_warmup": 0.4},
        "calibration_share": 0.2,
    } == model.get_params(deep=False)
    assert model.net_.model.beta == 3
    again = hourglass.Autoencoder(**model.get_params()).fit(x)
    np.testing.assert_array_equal(again.transform(x), model.transform(x))


def test_the_condition_is_handed_on(surface: Any) -> None:
    model = hourglass.fit(surface(100, 1), "cvae", condition=np.arange(100) % 3, epochs=1, alpha=0.1)
    assert model.sample(4, condition=2).shape == (4, 6)


def test_an_unknown_setting_is_refused_with_the_nearest(surface: Any) -> None:
    with pytest.raises(ValueError, match=r"^vae has no setting 'epoch'; did you mean 'epochs'\?$"):
        hourglass.fit(surface(20, 1), "vae", epoch=3)
    with pytest.raises(ValueError, match=r"^there is no variant 'bvae'; did you mean 'vae'\?$"):
        hourglass.fit(surface(20, 1), "bvae", beta=3)


@pytest.mark.parametrize("variant", models.names())
def test_no_setting_of_a_variant_shares_its_name_with_another(variant: str) -> None:
    others = declared_settings(TrainSettings).keys() | hourglass.Autoencoder().get_params().keys()
    assert declared_settings(models.get(variant)).keys() & others <= {"latent"}
