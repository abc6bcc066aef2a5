"""Alarms of a batch on disk are those of the batch in memory, however it is cut, cut off or read."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hourglass.cli import app
from hourglass.data.params import DataParams
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, read_json, write_json
from hourglass.runtime import InputError
from hourglass.runtime.alarms import adjusted
from hourglass.use import results, screening, shards
from hourglass.use.score import score
from hourglass.use.screening import Screen
from hourglass.use.shards import Layout

#: Reads a handful of rows at a time.
FEW = DataParams().model_copy(update={"memory": 2**16})
SHARE = 0.1


@pytest.fixture(scope="module")
def model(table_autoencoder: Any) -> Any:
    return table_autoencoder.model


@pytest.fixture
def csv(patients: pd.DataFrame, tmp_path: Path) -> str:
    """Rows of which some are far from all others, so that a batch has alarms."""
    frame = patients.copy()
    frame.loc[100:250, ["mean radius", "mean area"]] *= 9
    frame.to_csv(tmp_path / "given.csv", index=False)
    return str(tmp_path / "given.csv")


def judge(model: Any, source: str, out: Path, data: DataParams = FEW, **layout: Any) -> str:
    return shards.score(model, source, out, data, uri="m", layout=Layout(**{"rows": 200, "share": SHARE} | layout))


def read(path: Path) -> pd.DataFrame:
    """Read a file, or all shards of a folder."""
    if path.is_dir():
        return pd.concat(map(read, sorted(path.glob("part-*"))), ignore_index=True)
    if path.suffix == ".csv":
        return pd.read_csv(path).astype({"is_anomaly": "boolean"})
    return pd.read_parquet(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_holds_what_screening_its_rows_in_memory_gives(
    model: Any, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """It is read in several pieces, and has several groups of rows."""
    monkeypatch.setattr(screening, "_AT_ONCE", 50)
    monkeypatch.setattr(results, "_NUMBERS_IN_GROUP", 4000)
    out = tmp_path / f"judged{suffix}"
    said = score(model, csv, out, FEW, share=SHARE)
    given = pd.read_csv(csv)
    expected = model.screen(given, SHARE)
    pd.testing.assert_frame_equal(read(out)[list(expected)], expected, check_exact=True)
    alarms = int(expected["is_anomaly"].sum())
    assert 0 < alarms < model.score(given)["is_anomaly"].sum()
    assert f"569 rows, {alarms} alarms" in said
    assert said.endswith("; of these at most 0.1 are false on average; 2 can't be judged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.csv", out.name]


@pytest.mark.parametrize(("form", "rows"), [("csv", 100), ("parquet", 100), ("parquet", 569)])
def test_shards_are_the_single_file_however_rows_are_cut(
    model: Any, csv: str, tmp_path: Path, form: Any, rows: int
) -> None:
    judge(model, csv, tmp_path / "out", rows=rows, form=form)
    score(model, csv, tmp_path / f"one.{form}", share=SHARE)
    whole = read(tmp_path / f"one.{form}")
    pd.testing.assert_frame_equal(read(tmp_path / "out"), whole, check_exact=True)
    found = read_json(tmp_path / "out" / "manifest.json")
    assert found["share"] == SHARE
    assert sum(shard["alarms"] for shard in found["shards"]) == whole["is_anomaly"].sum()
    assert not list((tmp_path / "out").glob("unscreened*"))


class KilledError(Exception):
    pass


@pytest.mark.parametrize(("note", "noted"), [(5, False), (6, True)])
def test_a_run_that_was_cut_off_while_it_screened_is_completed_to_the_same_bytes(
    model: Any, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: int, noted: bool
) -> None:
    """Notes are of the beginning, of three shards twice, and of the end."""
    notes: list[Path] = []

    def cut_off(path: Path, content: Any) -> None:
        notes.append(path)
        if len(notes) < note or noted:
            write_json(path, content)
        if len(notes) == note:
            raise KilledError

    judge(model, csv, tmp_path / "uninterrupted")
    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_json", cut_off)
        with pytest.raises(KilledError):
            judge(model, csv, tmp_path / "out")
    assert not read_json(tmp_path / "out" / "manifest.json")["complete"]
    assert list((tmp_path / "out").glob("unscreened-*"))
    judge(model, csv, tmp_path / "out")
    assert folder_hashes(tmp_path / "out") == folder_hashes(tmp_path / "uninterrupted")


def test_done_again_nothing_is_written_and_a_damaged_shard_is_made_anew(model: Any, csv: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    judge(model, csv, out)
    before, when = folder_hashes(out), (out / "part-00002.parquet").stat().st_mtime_ns
    assert judge(model, csv, out).endswith("; all of it was there")
    (out / "part-00001.parquet").write_bytes(b"torn")
    judge(model, csv, out)
    assert folder_hashes(out) == before
    assert (out / "part-00002.parquet").stat().st_mtime_ns == when


def test_another_share_is_refused(model: Any, csv: str, tmp_path: Path) -> None:
    judge(model, csv, tmp_path / "out")
    for share in (None, 0.2):
        with pytest.raises(HourglassError, match=rf"another share of false alarms \(0\.1, now {share}\)"):
            judge(model, csv, tmp_path / "out", share=share)


def test_cells_beside_are_as_they_were_written(model: Any, patients: pd.DataFrame, tmp_path: Path) -> None:
    odd = ['a "b"', "one\ntwo", "x,y", "0001", "x" * 200_000, ""]
    given = patients.head(60).assign(note=[odd[row % len(odd)] for row in range(60)])
    given.to_csv(tmp_path / "given.csv", index=False)
    score(model, str(tmp_path / "given.csv"), tmp_path / "alone.csv")
    score(model, str(tmp_path / "given.csv"), tmp_path / "batch.csv", share=SHARE)
    as_text = {"dtype": str, "keep_default_na": False}
    alone, batch = (pd.read_csv(tmp_path / name, **as_text) for name in ("alone.csv", "batch.csv"))
    pd.testing.assert_frame_equal(
        batch.drop(columns=["adjusted_p_value", "is_anomaly"]), alone.drop(columns="is_anomaly")
    )


def test_rows_that_cannot_be_judged_are_a_batch_without_alarms(
    model: Any, patients: pd.DataFrame, tmp_path: Path
) -> None:
    patients.head(5).assign(**{"mean area": np.nan}).to_parquet(tmp_path / "given.parquet")
    said = score(model, str(tmp_path / "given.parquet"), tmp_path / "judged.parquet", share=SHARE)
    assert "5 rows, 0 alarms" in said
    assert read(tmp_path / "judged.parquet")[["adjusted_p_value", "is_anomaly"]].isna().all(axis=None)


def test_a_batch_without_alarms_says_how_many_rows_would_have_to_stand_out(
    model: Any, patients: pd.DataFrame, tmp_path: Path
) -> None:
    usual = patients[~model.screen(patients, 0.5)["is_anomaly"]].head(200)
    usual.to_parquet(tmp_path / "given.parquet")
    said = score(model, str(tmp_path / "given.parquet"), tmp_path / "judged.parquet", share=0.01)
    seen = len(model.calibration)
    least = next(k for k in range(1, 10_000) if len(usual) / (seen + 1) / k <= 0.01)
    assert "200 rows, 0 alarms (0.00%); " in said
    assert f"{least} or more have to score above all {seen} rows of the calibration" in said


@given(st.lists(st.lists(st.sampled_from([*np.linspace(0.05, 1, 20), np.nan]), max_size=30), min_size=1, max_size=4))
def test_what_is_counted_file_by_file_is_the_batch(tmp_path_factory: Any, parts: list[list[float]]) -> None:
    folder = tmp_path_factory.mktemp("parts")
    files = [folder / f"{number}.csv" for number in range(len(parts))]
    for file, part in zip(files, parts, strict=True):
        pd.DataFrame({"p_value": np.array(part, np.float64), "beside": 0}).to_csv(file, index=False)
    batch = np.concatenate([np.array(part, np.float64) for part in parts])
    np.testing.assert_array_equal(Screen(0.5, files)(batch), adjusted(batch))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_row_whose_adjusted_p_value_is_the_share_is_an_alarm(tmp_path: Path, form: str) -> None:
    judged = pd.DataFrame({"p_value": [0.05, 0.5], "adjusted_p_value": np.nan, "is_anomaly": [False, True]})
    file, out = tmp_path / f"judged.{form}", tmp_path / f"screened.{form}"
    judged.to_csv(file, index=False) if form == "csv" else judged.to_parquet(file, index=False)
    assert Screen(0.1, [file]).write(file, out) == 1
    expected = judged.assign(adjusted_p_value=[0.1, 0.5], is_anomaly=[True, False])
    pd.testing.assert_frame_equal(pd.read_csv(out) if form == "csv" else pd.read_parquet(out), expected)


def test_what_cannot_be_screened_is_refused_before_anything_is_written(
    model: Any, signal_denoising: Any, waves: pd.DataFrame, csv: str, tmp_path: Path
) -> None:
    waves.to_csv(tmp_path / "waves.csv", index=False)
    with pytest.raises(HourglassError, match="readings of series have none; leave it out"):
        score(signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "judged.csv", share=0.1)
    with pytest.raises(InputError, match="share is 1; expected a number between 0 and 1"):
        judge(model, csv, tmp_path / "out", share=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.csv", "waves.csv"]


@pytest.mark.parametrize("out", ["judged.csv", "judged"])
def test_the_command_screens(table_autoencoder: Any, csv: str, tmp_path: Path, out: str) -> None:
    command = ["score", csv, "-o", str(tmp_path / out), "--model", str(table_autoencoder.folder), "--share", "0.1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "of these at most 0.1 are false on average" in done.output
    assert "adjusted_p_value" in read(tmp_path / out)
