"""The deployed monitoring: what it tells the server, and when a batch counts as tested."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from flows import events, monitor
from hourglass import monitoring
from hourglass.drift.verdict import Finding, Verdict
from hourglass.errors import HourglassError
from hourglass.monitoring import Look

SHIFT = Finding("column", "age", "values", "Kolmogorov-Smirnov", 0.4, 30, 50, 1e-9, 1e-8)


class Stage:
    """Stands for the project, the batches and the server; notes what happens in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        self.happened: list[Any] = []
        self.found = Look({}, (), {}, None, tmp_path / "drift.html")
        self.problem: Exception | None = None
        for name in ("params.yaml", "dvc.yaml"):
            (tmp_path / name).write_text("variants: [vae]\nvae: {}\n")
        monkeypatch.chdir(tmp_path)
        server = SimpleNamespace(api=SimpleNamespace(url="http://127.0.0.1:9/api"))
        monkeypatch.setattr(monitor, "get_current_settings", lambda: server)
        monkeypatch.setattr(monitor, "get_run_logger", lambda: Stage)
        monkeypatch.setattr(monitoring, "look", lambda *_: self.found)
        monkeypatch.setattr(monitoring, "remember", lambda *_: self.happened.append("remembered"))
        monkeypatch.setattr(events, "send", self.send)

    @staticmethod
    def info(*words: str) -> None:
        """Log nowhere."""

    def send(self, *told: Any) -> None:
        if self.problem:
            raise self.problem
        self.happened.append(told)

    def has(self, *findings: Finding) -> None:
        verdict = Verdict(0.01, 500, 500, 500, 90, findings, nominal=False)
        self.found = Look({"monday.csv": "hash"}, (), {}, verdict, self.found.page)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Stage:
    return Stage(monkeypatch, tmp_path)


def test_drift_is_told_before_the_batch_counts_as_tested(stage: Stage) -> None:
    stage.has(SHIFT)
    state = monitor.monitor.fn()
    (event, name, payload), then = stage.happened
    assert (event, name, then) == ("hourglass.drift", "hourglass", "remembered")
    assert payload == {
        "batches": ["monday.csv"],
        "rows": 500,
        "alpha": 0.01,
        "drifted": [{"of": "column", "name": "age", "what": "values", "p": 1e-8}],
    }
    assert state.is_completed()
    assert "column age" in state.message


def test_without_drift_nobody_is_told(stage: Stage) -> None:
    stage.has(Finding("column", "age", "values", "Kolmogorov-Smirnov", 0.1, 30, 31, 0.4, 0.8))
    assert monitor.monitor.fn().is_completed()
    assert stage.happened == ["remembered"]


def test_drift_that_nobody_can_be_told_of_is_looked_at_again(stage: Stage) -> None:
    stage.has(SHIFT)
    stage.problem = RuntimeError("no server")
    state = monitor.monitor.fn()
    assert state.is_failed()
    assert state.message == "there is drift, but Prefect's server can't be told of it (no server)."
    assert stage.happened == []


def test_a_mistake_fails_the_run_with_its_sentence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Look:
        raise HourglassError("incoming is no folder.")

    monkeypatch.setattr(monitoring, "look", refuse)
    state = monitor.monitor.fn()
    assert (state.is_failed(), state.message) == (True, "incoming is no folder.")


def test_a_batch_that_cant_be_tested_fails_the_run_after_the_others_are_remembered(stage: Stage) -> None:
    stage.found = replace(stage.found, failed={"monday.csv": "it holds no rows."})
    state = monitor.monitor.fn()
    assert state.is_failed()
    assert state.message == "No new batch. monday.csv can't be tested: it holds no rows."
    assert stage.happened == ["remembered"]


def test_an_event_is_about_a_resource_of_the_registered_name() -> None:
    assert events.resource_of(events.ADDED, "digits") == "hourglass.data.digits"
    assert events.resource_of(events.DRIFT, "digits") == "hourglass.drift.digits"
