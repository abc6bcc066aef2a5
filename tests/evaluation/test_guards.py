"""Each guard sees the fault that it is for, and none sees one in a sound model."""

from typing import Any

import numpy as np
import pytest

from hourglass.evaluation.guards import failures

SOUND: dict[str, Any] = {
    "scores": np.array([0.1, 0.2, 0.4]),
    "errors": np.array([0.1, 0.2]),
    "untrained": np.array([1.0, 2.0]),
    "posterior": {"active_units": 2},
}


def test_a_sound_model_passes() -> None:
    assert failures(**SOUND) == []
    assert failures(**SOUND | {"posterior": {}}) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"scores": np.array([0.1, np.nan])}, "scores are not finite"),
        ({"scores": np.array([0.1, np.inf])}, "scores are not finite"),
        ({"scores": np.full(5, 0.3)}, "all rows have the same score"),
        ({"scores": np.zeros(5)}, "all rows have the same score"),
        ({"scores": 1e6 + np.array([0, 1e-9])}, "all rows have the same score"),
        ({"errors": np.array([1.0, 2.0])}, "it reconstructs no better than before training"),
        ({"errors": np.array([np.nan, 0.1])}, "it reconstructs no better than before training"),
        ({"posterior": {"active_units": 0}}, "the posterior collapsed"),
    ],
)
def test_a_fault_is_told(fault: dict[str, Any], says: str) -> None:
    (found,) = failures(**SOUND | fault)
    assert found.startswith(says)
