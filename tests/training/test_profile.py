import json

import pytest

from hourglass import models
from hourglass.training import profile, steps
from hourglass.training.profile import profiled
from hourglass.training.settings import TrainSettings
from hourglass.training.source import as_source


@pytest.fixture
def taken(rows_of_noise, tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "_WARM", 80)
    monkeypatch.setattr(profile, "_MEASURED", 10)

    def take():
        model = models.build("autoencoder", (4,), {"latent": 2, "hidden": [8]}, seed=0)
        rows, settings = as_source(rows_of_noise(64, 0)), TrainSettings(batch=32)
        return profiled(model, rows, settings, variant="autoencoder", seed=0, trace=tmp_path / "reports" / "trace.json")

    return take


@pytest.fixture
def found(taken):
    return taken()


def test_the_parts_of_a_step_make_up_the_step(found):
    assert sum(part.share for part in found.parts) == pytest.approx(1, abs=0.01)
    assert [part.microseconds for part in found.parts] == sorted((it.microseconds for it in found.parts), reverse=True)


def test_it_counts_what_a_step_does(found):
    calls = {part.name: part.calls for part in found.parts}
    assert calls["matrix products"] >= 11  # four layers forward and, but for the first one's input, twice backward
    assert calls["optimiser"] == 1
    assert found.replayed
    assert found.rows == 32


def test_steps_too_slow_to_be_recorded_in_time_are_not_said_to_be_replayed(taken, monkeypatch):
    monkeypatch.setattr(steps, "RECORDED_AFTER", 1000)
    found = taken()
    assert not found.replayed
    assert found.refusal == "too few steps were taken"


def test_the_trace_is_one_that_viewers_read(found, tmp_path):
    assert json.loads((tmp_path / "reports" / "trace.json").read_text())["traceEvents"]
