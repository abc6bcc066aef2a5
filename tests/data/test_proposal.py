"""The settings that go with a snapshot follow from its source and from what is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from hourglass.data import proposal
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.errors import HourglassError


def test_an_embedded_set_knows_its_label() -> None:
    params = proposal.proposed_params("breast_cancer", None, None, None)
    assert (params.label, params.normal, params.condition) == ("diagnosis", ["benign"], [])


def test_a_condition_is_what_was_asked_for_or_what_an_embedded_set_has() -> None:
    assert proposal.proposed_params("digits").condition == ["digit"]
    assert proposal.proposed_params("digits", condition=[]).condition == []
    assert proposal.proposed_params("table.csv", condition=["age"]).condition == ["age"]
    assert proposal.proposed_params("table.csv").condition == []


@pytest.mark.parametrize("values", [(None, ["a"], None), ("class", None, None), ("class", ["a"], ["b"])])
def test_a_label_goes_with_normal_or_anomalous_values(values: tuple[str, list[str], list[str]]) -> None:
    with pytest.raises(HourglassError, match="--normal"):
        proposal.proposed_params("table.csv", *values)


def test_pieces_of_a_recording_stay_together_unless_another_rule_is_set(tmp_path: Path) -> None:
    sounds, table = tmp_path / "sounds", tmp_path / "x.csv"
    sounds.mkdir()
    soundfile.write(sounds / "x.wav", np.zeros(100), 8000)
    table.write_text("a\n1\n")

    def rule(source: Path, **now: Any) -> tuple[str, str | None]:
        _, found, _ = proposal.settled(str(source), DataParams(), SplitParams(**now))
        return found.by, found.column

    assert rule(sounds) == ("group", "file")
    assert rule(sounds / "x.wav", by="time", column="start") == ("group", "file")
    assert rule(sounds, by="group", column="class") == ("group", "class")
    assert rule(sounds, by="given", column="part") == ("given", "part")
    assert rule(table, by="group", column="file") == ("hash", None)
    assert rule(table, by="group", column="patient") == ("group", "patient")
    assert proposal.settled("digits", DataParams(), SplitParams(salt=3)) == (DataParams(), SplitParams(salt=3), [])


def test_windows_are_divided_by_time_unless_whole_series_are(tmp_path: Path) -> None:
    hours = pd.date_range("2024-01-01", periods=100, freq="h")
    pd.DataFrame({"when": hours, "heat": range(100)}).to_csv(tmp_path / "x.csv", index=False)
    params = proposal.proposed_params("x.csv", signal=kind_settings("signal", {"time": "when", "window": 8}))

    def rule(**now: Any) -> tuple[str, str | None]:
        _, found, _ = proposal.settled(str(tmp_path / "x.csv"), params, SplitParams(**now))
        return found.by, found.column

    assert rule() == rule(by="group", column="patient") == ("time", "start")
    assert rule(by="group", column="series") == ("group", "series")


def test_nothing_is_fetched_to_learn_what_a_name_says() -> None:
    split = SplitParams(by="group", column="file")
    assert proposal.settled("https://nowhere.invalid/x.csv", DataParams(), split)[1] == SplitParams()


def test_the_rate_of_recordings_is_found(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(100), 11025)
    settings, _, said = proposal.settled(str(tmp_path), DataParams(), SplitParams())
    assert settings.audio.rate == 11025
    assert said[0] == "rate: 11,025 Hz, that of x.wav"
