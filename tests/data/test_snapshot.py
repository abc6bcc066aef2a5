"""A snapshot is whole or absent, and the embedded one is the committed one."""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from hourglass.data import shards, snapshot
from hourglass.errors import HourglassError
from hourglass.params import DataParams, SplitParams

ROOT = Path(__file__).parents[2]


def dvc_hash(folder: Path) -> str:
    """Hash a folder as DVC does: the md5 of the sorted list of its files' md5s."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def test_digits_rebuilt_are_what_data_dvc_says(tmp_path: Path) -> None:
    committed = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]["md5"]
    snapshot.build("digits", tmp_path / "data", snapshot.proposed_params("digits", None, None, None))
    assert dvc_hash(tmp_path / "data") == committed


def test_an_embedded_set_knows_its_label() -> None:
    params = snapshot.proposed_params("breast_cancer", None, None, None)
    assert (params.label, params.normal, params.condition) == ("diagnosis", ["benign"], [])


def test_a_condition_is_what_was_asked_for_or_what_an_embedded_set_has() -> None:
    assert snapshot.proposed_params("digits").condition == ["digit"]
    assert snapshot.proposed_params("digits", condition=[]).condition == []
    assert snapshot.proposed_params("table.csv", condition=["age"]).condition == ["age"]
    assert snapshot.proposed_params("table.csv").condition == []


@pytest.mark.parametrize("values", [(None, ["a"], None), ("class", None, None), ("class", ["a"], ["b"])])
def test_a_label_goes_with_normal_or_anomalous_values(values: tuple[str, list[str], list[str]]) -> None:
    with pytest.raises(HourglassError, match="--normal"):
        snapshot.proposed_params("table.csv", *values)


def test_an_unknown_label_leaves_nothing_behind(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros((3, 2)), kind=np.zeros(3))
    with pytest.raises(HourglassError, match=r"data.label is 'sort'.*there: kind"):
        snapshot.build(str(tmp_path / "rows.npz"), tmp_path / "data", DataParams(label="sort", normal=[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npz"]


def test_replacing_leaves_only_the_new_snapshot(tmp_path: Path) -> None:
    for name in ("first", "second"):
        np.save(tmp_path / f"{name}.npy", np.ones((3, 2)))
        snapshot.build(str(tmp_path / f"{name}.npy"), tmp_path / "new", DataParams())
        with snapshot.replaced(tmp_path / "data", tmp_path / "new"):
            pass
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["schema.json", "second", "snapshot.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "first.npy", "second.npy"]


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.full((2, 2), 1.0))
    snapshot.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.full((1, 2), 0.0))
    np.testing.assert_array_equal(snapshot.read(tmp_path / "data").rows, [[0, 0], [1, 1], [1, 1]])


def test_shards_of_unequal_shape_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.ones((2, 2)))
    snapshot.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.ones((2, 3)))
    with pytest.raises(HourglassError, match="different shapes"):
        snapshot.read(tmp_path / "data")


def test_shards_whose_arrays_beside_are_of_unequal_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.ones((2, 2)), photo=np.ones((2, 3, 3)))
    snapshot.build(str(tmp_path / "b.npz"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.ones((2, 2)))
    np.save(tmp_path / "data" / "a" / "photo.npy", np.ones((2, 4, 4)))
    with pytest.raises(HourglassError, match=r"arrays 'photo' of different shapes \[\(3, 3\), \(4, 4\)\]"):
        snapshot.read(tmp_path / "data")


def test_a_source_is_read_without_a_snapshot(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.ones((2, 2)), photo=np.ones((2, 3, 3)), age=np.arange(2))
    raw = snapshot.read_source(str(tmp_path / "b.npz"))
    assert (list(raw.side), list(raw.arrays)) == (["age"], ["photo"])
    assert len(snapshot.read_source("breast_cancer").rows) == 569
    assert [path.name for path in tmp_path.iterdir()] == ["b.npz"]


def test_a_schema_of_another_version_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.ones((3, 2)))
    snapshot.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    facts = json.loads((tmp_path / "data" / "schema.json").read_text())
    (tmp_path / "data" / "schema.json").write_text(json.dumps(facts | {"format": 99}))
    with pytest.raises(HourglassError, match=r"schema.json has format 99; this version reads format 1"):
        snapshot.opened(tmp_path / "data", DataParams())


def test_a_missing_snapshot_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match="hourglass data digits"):
        snapshot.read(tmp_path / "data")


def test_old_snapshot_comes_back_if_the_new_one_cannot_be_versioned(tmp_path: Path) -> None:
    for name in ("data", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    with pytest.raises(OSError, match="disk full"), snapshot.replaced(tmp_path / "data", tmp_path / "new"):
        raise OSError("disk full")
    assert (tmp_path / "data" / "which").read_text() == "data"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("step", range(5))
def test_a_replacement_killed_at_any_step_is_undone_or_done(step, tmp_path, monkeypatch):
    for name in ("data", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    steps = iter(range(5))

    def kill() -> None:
        if next(steps) == step:
            os._exit(9)

    def killed_before(function):
        def call(*arguments, **keywords):
            kill()
            return function(*arguments, **keywords)

        return call

    child = os.fork()
    if not child:
        monkeypatch.setattr(Path, "rename", killed_before(Path.rename))
        monkeypatch.setattr(shutil, "rmtree", killed_before(shutil.rmtree))
        with snapshot.replaced(tmp_path / "data", tmp_path / "new"):
            kill()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    snapshot.put_back(tmp_path / "data")
    assert (tmp_path / "data" / "which").read_text() == ("new" if step == 4 else "data")
    (tmp_path / "next").mkdir()
    with snapshot.replaced(tmp_path / "data", tmp_path / "next"):
        pass
    assert not (tmp_path / ".data.old").exists()


def test_pieces_of_a_recording_stay_together_unless_another_rule_is_set(tmp_path: Path) -> None:
    sounds, table = tmp_path / "sounds", tmp_path / "x.csv"
    sounds.mkdir()
    soundfile.write(sounds / "x.wav", np.zeros(100), 8000)
    table.write_text("a\n1\n")

    def rule(source: Path, **now: Any) -> tuple[str, str | None]:
        _, found, _ = snapshot.settled(str(source), DataParams(), SplitParams(**now))
        return found.by, found.column

    assert rule(sounds) == ("group", "file")
    assert rule(sounds / "x.wav", by="time", column="start") == ("group", "file")
    assert rule(sounds, by="group", column="class") == ("group", "class")
    assert rule(sounds, by="given", column="part") == ("given", "part")
    assert rule(table, by="group", column="file") == ("hash", None)
    assert rule(table, by="group", column="patient") == ("group", "patient")
    assert snapshot.settled("digits", DataParams(), SplitParams(salt=3)) == (DataParams(), SplitParams(salt=3), [])


def test_nothing_is_fetched_to_learn_what_a_name_says() -> None:
    split = SplitParams(by="group", column="file")
    assert snapshot.settled("https://nowhere.invalid/x.csv", DataParams(), split)[1] == SplitParams()


def test_the_rate_of_recordings_is_found(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(100), 11025)
    settings, _, said = snapshot.settled(str(tmp_path), DataParams(), SplitParams())
    assert settings.audio.rate == 11025
    assert said[0] == "rate: 11,025 Hz, that of x.wav"


def test_all_shards_have_their_columns_in_the_order_of_the_schema(tmp_path: Path) -> None:
    """Else the same row would have another hash, and so another split, in another shard."""
    frame = pd.DataFrame({"b": np.arange(20.0), "a": np.arange(20.0) ** 2})
    frame.to_csv(tmp_path / "first.csv", index=False)
    snapshot.build(str(tmp_path / "first.csv"), tmp_path / "data", DataParams())
    frame[["a", "b"]].to_csv(tmp_path / "turned.csv", index=False)
    shards.add(tmp_path / "turned.csv", tmp_path / "data", DataParams(), datetime(2026, 1, 1, tzinfo=UTC))
    first, second = snapshot.opened(tmp_path / "data", DataParams()).blocks(DataParams())
    pd.testing.assert_frame_equal(first.rows, second.rows)
