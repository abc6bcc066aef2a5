"""A conditional variant makes what it is asked for, however that is said."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from hourglass import Autoencoder

# where few rows are enough for a test, the promise about false alarms isn't what it is about
pytestmark = pytest.mark.filterwarnings("ignore:.*calibration rows:UserWarning")

CENTRES = {"low": -10.0, "high": 10.0}


@pytest.fixture(scope="module")
def rows() -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    generator = np.random.default_rng(0)
    labels = generator.choice(list(CENTRES), 400)
    return np.array([CENTRES[label] for label in labels])[:, None] + generator.normal(size=(400, 4)), labels


@pytest.fixture(scope="module")
def cvae(rows: Any, quick: dict[str, Any]) -> Autoencoder:
    return Autoencoder("cvae", **quick).fit(*rows)


@pytest.mark.parametrize(
    "given", ["high", ["high"], {"condition": "high"}, pd.DataFrame({"condition": ["high"]})], ids=str
)
def test_samples_are_what_was_asked_for(cvae: Autoencoder, given: Any) -> None:
    drawn = cvae.sample(50, condition=given)
    assert drawn.shape == (50, 4)
    assert drawn.mean(0) == pytest.approx([10] * 4, abs=2)


def test_each_row_can_be_asked_for_apart(cvae: Autoencoder) -> None:
    drawn = cvae.sample(20, condition=["low", "high"] * 10)
    assert (np.sign(drawn.mean(1)) == [-1, 1] * 10).all()
    decoded = cvae.inverse_transform(np.zeros((2, 2)), condition=pd.Series(["high", "low"], name="other"))
    assert (np.sign(decoded.mean(1)) == [1, -1]).all()


def test_rows_are_judged_and_embedded_without_their_condition(cvae: Autoencoder, rows: Any) -> None:
    assert (cvae.predict(rows[0]) == 1).mean() > 0.8
    assert cvae.transform(rows[0]).shape == (400, 2)


@pytest.mark.parametrize(
    ("y", "asked"),
    [
        (pd.DataFrame({"label": ["low", "high"] * 100, "size": np.arange(200.0)}), {"label": "low", "size": 3.5}),
        (np.tile([[0.5, 1.0], [1.0, 2.0]], (100, 1)), [[0.7, 1.2]]),
        (np.tile([3, 7], 100), 7),
        (np.tile([True, False], 100), True),
        (np.tile(np.uint8([[[0, 255]] * 8, [[255, 0]] * 8]), (100, 1, 1)), np.full((8, 2), 255, np.uint8)),
        (np.random.default_rng(0).normal(size=(200, 3, 2)), np.zeros((3, 3, 2))),
    ],
    ids=["table", "numbers", "whole numbers", "booleans", "one image", "an image each"],
)
def test_what_is_known_can_be_labels_numbers_or_both(quick: dict[str, Any], y: Any, asked: Any) -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    estimator = Autoencoder("cvae", **quick | {"epochs": 1}).fit(x, y)
    assert estimator.sample(3, condition=asked).shape == (3, 4)
    assert estimator.fit_predict(x, y).shape == (200,)


def test_a_wrong_condition_is_refused_in_a_sentence(cvae: Autoencoder, rows: Any, fitted: Autoencoder) -> None:
    with pytest.raises(ValueError, match=r"^row 1 of the condition isn't known; expected condition: high, low\.$"):
        cvae.sample(2, condition=["high", "middle"])
    with pytest.raises(ValueError, match=r"^the condition has 2 rows; expected 1, or 3 as there are rows\.$"):
        cvae.sample(3, condition=["high", "low"])
    with pytest.raises(ValueError, match=r"^the condition has shape \(1, 2\); expected \(rows, 1\): condition\.$"):
        cvae.sample(3, condition=[["high", "low"]])
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        Autoencoder("cvae").fit(rows[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Autoencoder("cvae").fit(rows[0], rows[1][:-1])
    with pytest.raises(ValueError, match=r"^the variant isn't conditional; leave the condition out"):
        fitted.sample(3, condition="high")
