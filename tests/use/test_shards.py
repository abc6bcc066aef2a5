"""Judged rows in shards: the single file in parts, whatever interrupts the work on them."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, read_json, sha256_of, write_json
from hourglass.locks import locked_on_machine
from hourglass.runtime import InputError
from hourglass.use import score as whole
from hourglass.use import shards
from hourglass.use.shards import Layout

#: Reads a handful of rows at a time.
FEW = DataParams().model_copy(update={"memory": 2**16})
LAYOUT = Layout(rows=200)


class KilledError(Exception):
    pass


def killed_after(rows: int) -> Any:
    def on_rows(done: int) -> None:
        if done >= rows:
            raise KilledError

    return on_rows


@pytest.fixture(scope="module")
def model(table_autoencoder: Any) -> Any:
    return table_autoencoder.model


def judge(model: Any, source: str, out: Path, **options: Any) -> str:
    return shards.score(model, source, out, **{"uri": "models:/tumours/1", "layout": LAYOUT} | options)


def parts(out: Path) -> list[Path]:
    return sorted(out.glob("part-*"))


@pytest.mark.parametrize("data", [DataParams(), FEW], ids=["one block", "many"])
@pytest.mark.parametrize("rows", [100, 256, 569])
def test_shards_of_text_one_behind_the_other_are_the_single_file(
    model: Any, csv: str, tmp_path: Path, data: DataParams, rows: int
) -> None:
    judge(model, csv, tmp_path / "out", data=data, layout=Layout(rows=rows, form="csv"))
    whole.score(model, csv, tmp_path / "one.csv")
    texts = [path.read_bytes().splitlines(keepends=True) for path in parts(tmp_path / "out")]
    assert [len(lines) - 1 for lines in texts] == [min(rows, 569 - at) for at in range(0, 569, rows)]
    assert (
        b"".join(texts[0][:1] + [line for lines in texts for line in lines[1:]]) == (tmp_path / "one.csv").read_bytes()
    )


@pytest.mark.parametrize("memory", [2**16, 2**30])
def test_shards_of_parquet_are_the_same_bytes_however_few_rows_are_in_memory(
    model: Any, csv: str, tmp_path: Path, memory: int
) -> None:
    data = DataParams().model_copy(update={"memory": memory})
    judge(model, csv, tmp_path / "out", data=data)
    judge(model, csv, tmp_path / "usual")
    assert folder_hashes(tmp_path / "out") == folder_hashes(tmp_path / "usual")
    whole.score(model, csv, tmp_path / "one.parquet")
    pd.testing.assert_frame_equal(
        pd.concat(map(pd.read_parquet, parts(tmp_path / "out")), ignore_index=True),
        pd.read_parquet(tmp_path / "one.parquet"),
    )


def test_the_manifest_tells_the_model_the_input_and_each_shard(
    table_autoencoder: Any, model: Any, csv: str, tmp_path: Path
) -> None:
    line = judge(model, csv, tmp_path / "out")
    found = read_json(tmp_path / "out" / "manifest.json")
    assert line.startswith(f"{tmp_path / 'out'}: 3 shard(s), 569 rows, ")
    manifest = sha256_of(table_autoencoder.folder / "manifest.json")
    assert found["model"] == {"uri": "models:/tumours/1", "sha256": manifest}
    assert found["input"] == {"name": "given.csv", "sha256": sha256_of(Path(csv)), "bytes": Path(csv).stat().st_size}
    assert [(shard["first_row"], shard["rows"]) for shard in found["shards"]] == [(0, 200), (200, 200), (400, 169)]
    assert [shard["missing"] for shard in found["shards"]] == [1, 0, 1]
    for shard in found["shards"]:
        judged = pd.read_parquet(tmp_path / "out" / shard["file"])
        assert shard["alarms"] == judged["is_anomaly"].sum()
        assert shard["sha256"] == sha256_of(tmp_path / "out" / shard["file"])
    assert found["complete"]


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    rows=st.integers(1, 40),
)
def test_blocks_are_cut_where_shards_begin_and_nowhere_else(counts: list[int], rows: int) -> None:
    starts = np.cumsum([0, *counts[:-1]])
    read = [
        (Raw("array", np.arange(start, start + count), pd.DataFrame(index=range(count))), int(start))
        for start, count in zip(starts, counts, strict=True)
    ]
    pieces = list(shards._cut(iter(read), rows))
    assert np.concatenate([raw.rows for raw, _ in pieces]).tolist() == list(range(sum(counts)))
    assert all(raw.rows[0] == at and at // rows == raw.rows[-1] // rows for raw, at in pieces)
    assert len(pieces) <= len(counts) + sum(counts) // rows


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_run_that_was_cut_off_is_completed_without_doing_finished_shards_again(
    model: Any, csv: str, tmp_path: Path, form: Any
) -> None:
    layout, out = Layout(rows=200, form=form), tmp_path / "out"
    with pytest.raises(KilledError):
        judge(model, csv, out, data=FEW, on_rows=killed_after(500), layout=layout)
    assert [path.name for path in parts(out)] == [f"part-0000{number}.{form}" for number in (0, 1)]
    assert not read_json(out / "manifest.json")["complete"]
    before = {path: path.stat().st_mtime_ns for path in parts(out)}
    told: list[int] = []
    judge(model, csv, out, on_rows=told.append, layout=layout)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert told[-1] == 569
    judge(model, csv, tmp_path / "uninterrupted", layout=layout)
    assert folder_hashes(out) == folder_hashes(tmp_path / "uninterrupted")


@pytest.mark.parametrize("rows", [1, 300])
def test_what_a_kill_left_of_a_shard_goes_when_the_run_goes_on(model: Any, csv: str, tmp_path: Path, rows: int) -> None:
    out = tmp_path / "out"
    with pytest.raises(KilledError):
        judge(model, csv, out, data=FEW, on_rows=killed_after(rows))
    out.mkdir(exist_ok=True)
    half = out / f".part-0000{rows // 200}.parquet.hourglass.{2**22 + 1}"  # no system has such a process
    half.touch()
    judge(model, csv, out)
    judge(model, csv, tmp_path / "uninterrupted")
    assert folder_hashes(out) == folder_hashes(tmp_path / "uninterrupted")


def test_a_folder_that_was_killed_before_its_manifest_was_written_is_begun_anew(
    model: Any, csv: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f".manifest.json.hourglass.{2**22 + 1}").touch()
    judge(model, csv, out)
    judge(model, csv, tmp_path / "uninterrupted")
    assert folder_hashes(out) == folder_hashes(tmp_path / "uninterrupted")


def test_a_folder_in_which_nothing_is_finished_takes_the_input_that_was_mended(
    model: Any, csv: str, patients: pd.DataFrame, tmp_path: Path
) -> None:
    out, broken = tmp_path / "out", tmp_path / "broken.csv"
    patients.drop(columns="mean area").to_csv(broken, index=False)
    with pytest.raises(HourglassError, match="mean area"):
        judge(model, str(broken), out)
    broken.write_bytes(Path(csv).read_bytes())
    judge(model, str(broken), out)
    judge(model, str(broken), tmp_path / "at once")
    assert folder_hashes(out) == folder_hashes(tmp_path / "at once")


@pytest.mark.parametrize("first", [Layout(rows=200, form="csv"), Layout(rows=200, share=0.1)])
def test_a_shard_that_a_kill_kept_out_of_the_manifest_goes_when_the_folder_is_begun_otherwise(
    model: Any, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Layout
) -> None:
    out = tmp_path / "out"

    def cut_off(path: Path, content: Any) -> None:
        if content.get("shards"):
            raise KilledError
        write_json(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_json", cut_off)
        with pytest.raises(KilledError):
            judge(model, csv, out, layout=first)
    assert not read_json(out / "manifest.json")["shards"]
    assert list(out.glob("*-00000.*"))
    judge(model, csv, out)
    judge(model, csv, tmp_path / "at once")
    assert folder_hashes(out) == folder_hashes(tmp_path / "at once")


@pytest.mark.parametrize(("there", "share"), [(True, None), (False, 0.1)])
def test_what_is_refused_leaves_nothing(
    model: Any, patients: pd.DataFrame, tmp_path: Path, there: bool, share: float | None
) -> None:
    out, given = tmp_path / "out", tmp_path / "given.csv"
    patients.drop(columns="mean area").to_csv(given, index=False)
    if there:
        out.mkdir()
    with pytest.raises(HourglassError, match="mean area"):
        judge(model, str(given), out, layout=Layout(share=share))
    assert sorted(tmp_path.rglob("*")) == ([given, out] if there else [given])


@pytest.mark.parametrize("name", ["heat", "anomaly_score"])
def test_readings_that_are_refused_leave_nothing(
    signal_denoising: Any, waves: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    given = tmp_path / "waves.csv"
    waves.rename(columns={"heat" if name == "heat" else "load": name}).assign(heat="hot").to_csv(given, index=False)
    with pytest.raises((HourglassError, InputError)):
        judge(signal_denoising.model, str(given), tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == [given]


def test_what_breaks_behind_the_first_shard_leaves_that(model: Any, csv: str, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        judge(model, csv, tmp_path / "out", data=FEW, on_rows=killed_after(300))
    names = ["manifest.json", "part-00000.parquet", "profile-00000.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_what_somebody_put_beside_stays_when_the_input_is_refused(model: Any, csv: str, tmp_path: Path) -> None:
    note = tmp_path / "out" / "note.txt"

    def on_rows(_rows: int) -> None:
        note.touch()
        raise HourglassError("refused")

    with pytest.raises(HourglassError, match="refused"):
        judge(model, csv, tmp_path / "out", on_rows=on_rows)
    assert list((tmp_path / "out").iterdir()) == [note]


@pytest.mark.long  # two processes import what scoring needs
def test_what_a_killed_process_left_is_completed_by_the_same_command(
    table_autoencoder: Any, model: Any, csv: str, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from hourglass.data.params import DataParams\n"
        "from hourglass.runtime import Model\n"
        "from hourglass.use import shards\n"
        "def on_rows(done):\n"
        "    if done > 300: os.kill(os.getpid(), signal.SIGKILL)\n"
        "few = DataParams().model_copy(update={'memory': 2**16})\n"
        "shards.score(Model(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), few, on_rows, uri='m',"
        " layout=shards.Layout(rows=200))"
    )
    given = [str(table_autoencoder.folder), csv, str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *given], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in parts(tmp_path / "out")] == ["part-00000.parquet"]
    command = [sys.executable, "-m", "hourglass", "score", csv, "-o", given[2], "--model", given[0]]
    subprocess.run([*command, "--shard-rows", "200"], check=True, capture_output=True)
    assert len(parts(tmp_path / "out")) == 3
    judge(model, csv, tmp_path / "uninterrupted", uri="m")
    assert folder_hashes(tmp_path / "out") == folder_hashes(tmp_path / "uninterrupted")


def test_done_again_nothing_is_written_and_a_damaged_shard_is_made_anew(model: Any, csv: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    judge(model, csv, out)
    before, when = folder_hashes(out), (out / "manifest.json").stat().st_mtime_ns
    assert judge(model, csv, out, uri="models:/tumours@champion").endswith("; all of it was there")
    assert (out / "manifest.json").stat().st_mtime_ns == when
    (out / "part-00001.parquet").write_bytes(b"torn")
    assert not judge(model, csv, out).endswith("there")
    assert folder_hashes(out) == before


def test_another_model_input_or_layout_is_refused_and_nothing_changes(
    model: Any, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.csv"
    judge(model, csv, out)
    before = folder_hashes(out)
    other.write_text("\n".join(Path(csv).read_text().splitlines()[:400]))
    with pytest.raises(HourglassError, match=r"begun with another input \(given\.csv .*, now other\.csv .*; remove it"):
        judge(model, str(other), out)
    with pytest.raises(HourglassError, match=r"another number of rows per shard \(200, now 100\)"):
        judge(model, csv, out, layout=Layout(rows=100))
    with pytest.raises(HourglassError, match=r"another form of shards \(parquet, now csv\)"):
        judge(model, csv, out, layout=Layout(rows=200, form="csv"))
    with pytest.raises(HourglassError, match=r"how tables are read, data\.table or data\.columns"):
        judge(model, csv, out, data=DataParams(columns={"size": "category"}))
    monkeypatch.setattr(shards, "PACKAGE", "config.json")
    with pytest.raises(HourglassError, match=r"another model \(models:/tumours/1 "):
        judge(model, csv, out)
    assert folder_hashes(out) == before


def test_an_input_of_another_name_is_the_same_input(model: Any, csv: str, tmp_path: Path) -> None:
    judge(model, csv, tmp_path / "out")
    moved = Path(csv).rename(tmp_path / "moved.csv")
    assert judge(model, str(moved), tmp_path / "out").endswith("; all of it was there")


def test_a_folder_of_something_else_is_refused(model: Any, csv: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    for taken in (tmp_path / "photos", Path(csv)):
        with pytest.raises(HourglassError, match="exists and is no folder of shards"):
            judge(model, csv, taken)
    write_json(tmp_path / "photos" / "manifest.json", {"format_version": 2})
    with pytest.raises(HourglassError, match=r"manifest\.json is of another format"):
        judge(model, csv, tmp_path / "photos")
    with pytest.raises(HourglassError, match=r"holds no manifest\.json"):
        shards.manifest(tmp_path)


def test_two_processes_never_write_to_one_folder(model: Any, csv: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with locked_on_machine(f"score {out.resolve()}"), pytest.raises(HourglassError, match="another process writes to"):
        judge(model, csv, out)
    assert not out.exists()


def test_of_arrays_rows_are_numbered_through_all_shards(image_vae: Any, digits: Raw, tmp_path: Path) -> None:
    np.save(tmp_path / "given.npy", digits.rows[:500])
    judge(image_vae.model, str(tmp_path / "given.npy"), tmp_path / "out", data=FEW)
    found = pd.concat(map(pd.read_parquet, parts(tmp_path / "out")), ignore_index=True)
    assert found["row"].tolist() == list(range(500))
    np.testing.assert_array_equal(found["anomaly_score"], image_vae.model.score(digits.rows[:500])["anomaly_score"])


def test_a_bundled_set_is_known_by_its_name(image_vae: Any, tmp_path: Path) -> None:
    judge(image_vae.model, "digits", tmp_path / "out", layout=Layout())
    assert read_json(tmp_path / "out" / "manifest.json")["input"] == {"name": "digits"}
    assert judge(image_vae.model, "digits", tmp_path / "out", layout=Layout()).endswith("there")


def test_a_column_that_is_empty_at_first_has_one_type_in_all_shards(
    model: Any, patients: pd.DataFrame, tmp_path: Path
) -> None:
    note = np.where(np.arange(len(patients)) < 300, None, "looked at")
    patients.assign(note=pd.Series(note, dtype="str")).to_parquet(tmp_path / "given.parquet")
    judge(model, str(tmp_path / "given.parquet"), tmp_path / "out", data=FEW)
    kinds = {str(pd.read_parquet(path)["note"].dtype) for path in parts(tmp_path / "out")}
    assert len(kinds) == 1


def test_readings_of_series_are_one_shard_and_what_is_wrong_when(
    signal_denoising: Any, waves: pd.DataFrame, tmp_path: Path
) -> None:
    waves.to_csv(tmp_path / "waves.csv", index=False)
    model, source, out = signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "out"
    judge(model, source, out)
    names = ["manifest.json", "part-00000-anomalies.parquet", "part-00000.parquet", "profile-00000.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    (shard,) = read_json(out / "manifest.json")["shards"]
    judged = pd.read_parquet(out / "part-00000.parquet")
    assert (shard["rows"], shard["alarms"]) == (len(waves), judged["is_anomaly"].sum())
    before = folder_hashes(out)
    (out / "part-00000.parquet").unlink()
    judge(model, source, out)
    assert folder_hashes(out) == before
