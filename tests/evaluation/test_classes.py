"""Each anomalous class is held against the normal rows alone."""

import numpy as np
import pytest

from hourglass.evaluation import detection
from hourglass.evaluation.classes import of_each


def test_a_class_that_is_not_seen_shows_beside_one_that_is() -> None:
    label = np.repeat([0, 1, 2], [50, 10, 10])
    anomaly = label != 0
    scores = np.concatenate([np.arange(50.0), np.arange(100.0, 110), np.arange(20.0, 30)])
    found = of_each(scores, label, anomaly, ["fine", "cracked", "bent"], alarm=45)
    assert (found["cracked"]["auroc"], found["cracked"]["detection_rate"]) == (1, 1)
    of_bent = np.r_[0:50, 60:70]
    assert found["bent"]["auroc"] == detection.auroc(scores[of_bent], anomaly[of_bent])["auroc"]
    assert found["bent"]["auroc"] == pytest.approx(0.5, abs=0.01)
    assert found["bent"]["detection_rate"] == 0
    assert found["bent"]["rows"] == 10
    assert "fine" not in found
