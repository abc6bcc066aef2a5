"""A saved estimator is a package like those of the pipeline, and says what the estimator says."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hourglass
from hourglass import Autoencoder
from hourglass.errors import HourglassError

EVERY_KIND = {"vae": {}, "cvae": {}, "vq_vae": {"entries": 16, "width": 8, "layers": 1}}


def test_a_table_is_judged_and_rebuilt_by_the_package_as_by_the_estimator(
    surface: Any, quick: dict[str, Any], tmp_path: Path
) -> None:
    frame = pd.DataFrame(surface(300, 1), columns=list("abcdef"))
    estimator = Autoencoder(**quick, alpha=0.1, calibration_share=0.3).fit(frame)
    estimator.save(tmp_path / "models" / "mine")
    model, fresh = hourglass.load(str(tmp_path / "models" / "mine")), frame.iloc[:50]
    scored = model.score(fresh)
    np.testing.assert_allclose(scored["anomaly_score"], estimator.anomaly_score(fresh), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(model.threshold, -estimator.offset_, rtol=1e-3)
    assert (scored["is_anomaly"] == (estimator.predict(fresh) == -1)).mean() > 0.95
    np.testing.assert_allclose(model.encode(fresh), estimator.transform(fresh), rtol=1e-4, atol=1e-4)
    rebuilt = model.reconstruct(fresh)
    assert list(rebuilt.columns) == list("abcdef")
    np.testing.assert_allclose(rebuilt, estimator.reconstruct(fresh), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(model.sample(5, seed=3), estimator.sample(5, random_state=3), rtol=1e-3, atol=1e-3)
    with pytest.raises(HourglassError, match="mine is there already; name a new folder"):
        estimator.save(tmp_path / "models" / "mine")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


@pytest.mark.long
@pytest.mark.parametrize("variant", EVERY_KIND)
def test_images_of_every_kind_of_variant_are_drawn_alike(variant: str, quick: dict[str, Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 300)
    images = (labels[:, None, None] * 128 + generator.integers(0, 100, (300, 4, 4))).astype(np.uint8)
    settings = {"hidden": [16]} | EVERY_KIND[variant]
    estimator = Autoencoder(variant, **quick | {"settings": settings, "epochs": 5}, alpha=0.1).fit(images, labels)
    estimator.save(tmp_path / "package")
    model = hourglass.load(str(tmp_path / "package"))
    asked = {"condition": 1} if variant == "cvae" else None
    drawn, expected = (
        model.sample(8, seed=1, condition=asked and pd.DataFrame([asked])),
        estimator.sample(8, random_state=1, condition=asked),
    )
    assert drawn.shape == expected.shape == (8, 4, 4)
    np.testing.assert_allclose(drawn, expected, rtol=1e-3, atol=0.05)
    np.testing.assert_allclose(model.score(images)["anomaly_score"], estimator.anomaly_score(images), rtol=1e-2)


def test_a_promise_that_the_rows_cant_keep_is_not_packaged(surface: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="too few to promise"):
        estimator = Autoencoder(**quick | {"epochs": 1}).fit(surface(100, 1))
    with pytest.raises(ValueError, match=r"^10 calibration rows are too few for alpha = 0\.05"):
        estimator.save(tmp_path / "package")
    assert list(tmp_path.iterdir()) == []
