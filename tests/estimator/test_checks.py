"""Every variant is a scikit-learn estimator by scikit-learn's own checks, each of which raises where one isn't."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hourglass import Autoencoder, models

#: What makes a variant small.
_SMALL = {
    "overcomplete": {"latent": None},
    "vq_vae": {"settings": {"hidden": [8], "entries": 4, "width": 4, "layers": 1, "heads": 1}},
}


def tiny(variant: str) -> Autoencoder:
    arguments: dict[str, Any] = {"latent": 2, "settings": {"hidden": [8]}} | _SMALL.get(variant, {})
    return Autoencoder(variant, epochs=1, calibration_share=0.2, **arguments)


def unfit_for_it(estimator: Autoencoder) -> dict[str, str]:
    """Checks that assume what isn't so: that an outlier detector is fitted on rows alone."""
    if estimator.variant != "cvae":
        return {}
    return dict.fromkeys(("check_outliers_train", "check_outliers_fit_predict"), "a cvae is told what is known of rows")


checked = parametrize_with_checks([tiny("autoencoder")])
checked_too = parametrize_with_checks(
    [tiny(name) for name in models.names() if name != "autoencoder"], expected_failed_checks=unfit_for_it
)


@checked
@pytest.mark.filterwarnings("ignore:.*calibration rows:UserWarning")
def test_autoencoder_passes(estimator: Autoencoder, check: Any) -> None:
    check(estimator)


@pytest.mark.long
@checked_too
@pytest.mark.filterwarnings("ignore:.*calibration rows:UserWarning")
def test_every_variant_passes(estimator: Autoencoder, check: Any) -> None:
    check(estimator)
