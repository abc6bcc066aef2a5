"""A file of readings comes back judged or cleaned, with its own columns and times."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.data.settings import TableSettings
from hourglass.errors import HourglassError
from hourglass.use import commands, signals
from hourglass.use.score import score


@pytest.fixture
def csv(waves, tmp_path: Path) -> str:
    frame = waves.assign(note="kept")
    frame.to_csv(tmp_path / "waves.csv", index=False)
    return str(tmp_path / "waves.csv")


def test_readings_come_back_with_their_scores_and_anomalies_with_their_times(signal_denoising, csv, tmp_path):
    said = signals.score(signal_denoising.model, csv, tmp_path / "judged.csv")
    given, judged = pd.read_csv(csv), pd.read_csv(tmp_path / "judged.csv")
    pd.testing.assert_frame_equal(judged[given.columns], given)
    assert judged["anomaly_score"].idxmax() in range(1000, 1024)
    found = pd.read_csv(tmp_path / "judged-anomalies.csv")
    assert found.columns.to_list() == ["series", "start", "end", "anomaly_score"]
    assert said == f"{tmp_path / 'judged.csv'}: 3,000 rows; {tmp_path / 'judged-anomalies.csv'}: {len(found)} anomalies"


@pytest.mark.parametrize("command", [commands.reconstruct, commands.denoise])
def test_a_series_comes_back_with_its_times_and_columns(signal_denoising, csv, tmp_path, command):
    said = command(signal_denoising.model, csv, tmp_path / "clean.csv")
    given, clean = pd.read_csv(csv), pd.read_csv(tmp_path / "clean.csv")
    pd.testing.assert_frame_equal(clean.drop(columns=["heat", "load"]), given.drop(columns=["heat", "load"]))
    assert (clean["heat"] != given["heat"]).all()
    assert said.startswith(f"{tmp_path / 'clean.csv'}: 3,000 rows")


@pytest.mark.parametrize("command", [score, commands.denoise])
def test_cells_that_are_no_channels_come_back_as_they_were_written(signal_denoising, waves, tmp_path, command):
    notes = [("00012", "NA", "1e3", "")[row % 4] for row in range(len(waves))]
    waves.assign(note=notes).to_csv(tmp_path / "waves.csv", index=False)
    command(signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "out.csv")
    found, given = (pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False) for name in ("out.csv", "waves.csv"))
    for name in ("when", "machine", "note", *(("heat", "load") if command is score else ())):
        assert found[name].equals(given[name])


def test_codes_stand_beside_the_times_of_their_window(signal_denoising, csv, tmp_path):
    commands.encode(signal_denoising.model, csv, tmp_path / "codes.parquet")
    codes = pd.read_parquet(tmp_path / "codes.parquet")
    assert codes.columns.to_list() == ["series", "start", "end", "z_1", "z_2", "z_3", "z_4"]
    assert len(codes) == len(signal_denoising.model.score(pd.read_csv(csv)))


def test_readings_that_can_not_be_judged_are_counted_and_left_empty(signal_denoising, waves, tmp_path):
    waves.iloc[[*range(40), *range(60, 70)]].to_csv(tmp_path / "short.csv", index=False)
    said = signals.score(signal_denoising.model, str(tmp_path / "short.csv"), tmp_path / "judged.csv")
    assert "50 rows, of which 10 can't be judged and are left empty" in said
    assert pd.read_csv(tmp_path / "judged.csv")["is_anomaly"].isna().sum() == 10


def test_nothing_is_written_over_and_no_other_form(signal_denoising, csv, tmp_path):
    (tmp_path / "judged-anomalies.csv").touch()
    for out, words in (("judged.csv", "exists"), ("judged.npy", "can't hold what comes out")):
        with pytest.raises(HourglassError, match=words):
            signals.score(signal_denoising.model, csv, tmp_path / out)
    assert not (tmp_path / "judged.csv").exists()


def test_a_column_with_the_name_of_a_result_is_refused(signal_denoising, waves, tmp_path):
    waves.assign(anomaly_score=0).to_csv(tmp_path / "waves.csv", index=False)
    with pytest.raises(HourglassError, match="column 'anomaly_score' has the name of a result"):
        signals.score(signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "judged.csv")


@pytest.mark.parametrize(
    ("name", "words"), [("none.csv", "doesn't exist"), ("waves.png", "is no table"), ("several", "is no table")]
)
def test_what_is_no_table_of_readings_is_refused(signal_denoising, waves, tmp_path, name, words):
    (tmp_path / "waves.png").touch()
    (tmp_path / "several").mkdir()
    waves.to_csv(tmp_path / "several" / "one.csv", index=False)
    with pytest.raises(HourglassError, match=words):
        signals.score(signal_denoising.model, str(tmp_path / name), tmp_path / "judged.csv")


def test_new_windows_are_written_as_arrays(signal_denoising, tmp_path):
    commands.sample(signal_denoising.model, tmp_path / "new.npy", 5, 0, {})
    assert np.load(tmp_path / "new.npy").shape == (5, 16, 2)


@pytest.mark.parametrize("command", [score, commands.reconstruct, commands.denoise, commands.encode])
def test_readings_are_read_as_the_settings_say_that_text_is_written(signal_denoising, waves, tmp_path, command):
    waves.to_csv(tmp_path / "waves.csv", index=False)
    waves.to_csv(tmp_path / "commas.csv", index=False, sep="~", decimal=",")
    as_set = DataParams(table=TableSettings(delimiter="~", decimal=","))
    command(signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "expected.csv")
    command(signal_denoising.model, str(tmp_path / "commas.csv"), tmp_path / "out.csv", as_set)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), pd.read_csv(tmp_path / "expected.csv"))
