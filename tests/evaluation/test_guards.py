"""Each guard sees the fault that it is for, and none sees one in a sound model."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, binom

from hourglass.evaluation.guards import CALIBRATION_LEVEL, chance_of_alarms, failures, untrained
from hourglass.runtime import conformal
from hourglass.runtime.audio import AudioSchema

MODEL = SimpleNamespace(threshold=0.3, calibration=np.linspace(0, 0.31, 99), config={"alpha": 0.05}, schema=None)
SOUND: dict[str, Any] = {
    "model": MODEL,
    "scores": np.array([0.1, 0.2, 0.4]),
    "anomaly": np.array([False, False, True]),
    "stretches": np.zeros(3, int),
    "posterior": {"active_units": 2},
}


def test_a_sound_model_passes() -> None:
    assert failures(**SOUND) == []
    assert failures(**SOUND | {"posterior": {}}) == []
    assert untrained(np.array([0.1, 0.2]), np.array([1.0, 2.0])) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"scores": np.array([0.1, 0.2, np.nan])}, "scores are not finite"),
        ({"scores": np.array([0.1, 0.2, np.inf])}, "scores are not finite"),
        ({"scores": np.full(3, 0.3)}, "all rows have the same score"),
        ({"scores": np.zeros(3)}, "all rows have the same score"),
        ({"scores": 0.2 + np.array([0, 1e-12, 0])}, "all rows have the same score"),
        ({"posterior": {"active_units": 0}}, "the posterior collapsed"),
        (
            {"scores": np.linspace(0, 1, 60), "anomaly": np.zeros(60, bool), "stretches": np.zeros(60, int)},
            "calibration is off: 42 of 60 normal rows",
        ),
    ],
)
def test_a_fault_is_told(fault: dict[str, Any], says: str) -> None:
    (found,) = failures(**SOUND | fault)
    assert found.startswith(says)


@pytest.mark.parametrize("errors", [[1.0, 2.0], [np.nan, 0.1]])
def test_training_in_vain_is_told(errors: list[float]) -> None:
    assert untrained(np.array(errors), np.array([1.0, 2.0])) == ["it reconstructs no better than before training"]


def test_chance_of_alarms_is_the_binomial_averaged_over_the_betas_of_the_rate() -> None:
    rates = beta(5, 95).ppf((np.arange(20_000) + 0.5) / 20_000)
    assert chance_of_alarms(12, 100, 99, 0.05) == pytest.approx(binom.sf(11, 100, rates).mean(), rel=1e-3)


def test_exchangeable_rows_seldom_pass_for_badly_calibrated() -> None:
    draw = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        calibration, fresh = draw.normal(size=100), draw.normal(size=150)
        alarms = int((fresh > conformal.threshold(calibration, 0.05)).sum())
        found.append(chance_of_alarms(alarms, 150, 100, 0.05))
    assert np.mean(np.array(found) < CALIBRATION_LEVEL) < 0.004
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.06


def test_windows_that_overlap_seldom_pass_for_badly_calibrated() -> None:
    draw = np.random.default_rng(0)
    found: dict[float, list[float]] = {0.1: [], 1.0: []}
    for _ in range(2000):
        # each is seen ten times over
        calibration, fresh = (np.repeat(draw.normal(size=count), 10) for count in (40, 60))
        alarms = int((fresh > conformal.threshold(calibration, 0.05)).sum())
        for apart, chances in found.items():
            chances.append(chance_of_alarms(alarms, 600, 400, 0.05, apart))
    assert np.mean(np.array(found[0.1]) < 0.01) < 0.02
    assert np.mean(np.array(found[1.0]) < 0.01) > 0.1


def cries(recordings: int, flaw: float, times: int) -> float:
    """Tell how often the guard calls calibration off, where each of these recordings has 40 pieces that are alike."""
    draw, schema = np.random.default_rng(0), AudioSchema(rate=8000, form="waveform", frame=64, hop=16)
    stretches = np.repeat(np.arange(recordings), 40)

    def scores(more: float) -> Any:
        return (
            9
            + more
            + np.sqrt(0.7) * draw.normal(size=recordings)[stretches]
            + np.sqrt(0.3) * draw.normal(size=len(stretches))
        )

    found = 0
    for _ in range(times):
        calibration = scores(0)
        threshold = conformal.threshold(calibration, 0.05)
        model = SimpleNamespace(threshold=threshold, calibration=calibration, config={"alpha": 0.05}, schema=schema)
        given: dict[str, Any] = {
            "scores": scores(flaw),
            "anomaly": np.zeros(len(stretches), bool),
            "stretches": stretches,
        }
        found += bool(failures(**SOUND | given | {"model": model}))
    return found / times


def test_a_few_odd_recordings_are_no_sign_that_calibration_is_off() -> None:
    assert cries(12, 0, 300) < 0.01


@pytest.mark.parametrize(("recordings", "flaw"), [(12, 3.0), (50, 2.0)])
def test_recordings_that_are_all_odd_still_are(recordings: int, flaw: float) -> None:
    assert cries(recordings, flaw, 50) > 0.95


def test_few_calibration_rows_excuse_more_alarms() -> None:
    assert chance_of_alarms(20, 100, 30, 0.05) > 10 * chance_of_alarms(20, 100, 3000, 0.05)
