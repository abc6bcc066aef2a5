"""The recipes for sensors do what they say, as written, on the readings that they are about."""

import re

import pandas as pd
import pytest

from tests.recipes import SHARED, beside_shared, follow

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (SHARED / "data/sensor").is_dir(), reason="needs the readings in ../shared/data/sensor"),
]


@pytest.fixture
def checkout(clone, tmp_path):
    return beside_shared(clone, tmp_path)


def test_the_anomalies_of_a_sensor_are_found_by_their_times(checkout):
    said = follow("sensor-anomalies.md", checkout)
    assert "is the first champion" in said
    found = pd.read_csv(checkout.root / "judged-anomalies.csv", parse_dates=["start", "end"])
    for failure in ("2013-12-10 12:00", "2013-12-16 15:00", "2014-01-29 00:00", "2014-02-08 14:00"):
        assert ((found["start"] <= failure) & (found["end"] >= failure)).any(), failure
    given = pd.read_csv(SHARED / "data/sensor/machine_temperature_system_failure.csv")
    judged = pd.read_csv(checkout.root / "judged.csv")
    pd.testing.assert_frame_equal(judged[["timestamp", "value"]], given)
    assert judged["is_anomaly"].mean() < 0.2


def test_a_noisy_sensor_is_cleaned_by_the_gain_that_is_stated(checkout):
    said = follow("sensor-clean-up.md", checkout)
    assert "is the first champion" in said
    assert float(re.search(r"gain: ([\d.]+) dB", said)[1]) > 5
