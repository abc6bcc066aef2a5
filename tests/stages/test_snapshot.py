"""``hourglass add``, with real git and DVC."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from hourglass import databranch, dvc_data, dvc_repo, params
from hourglass.data import making, shards
from hourglass.data import snapshot as snapshots
from hourglass.data.sources import joined
from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.stages import snapshot
from hourglass.stages.add import add

PARAMS = "variants: [vae]\nvae: {}\ndata: {source: rows.npy}\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A project without git: twenty rows in data/."""
    folder = tmp_path_factory.mktemp("template")
    root = folder / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text(PARAMS)
    (root / ".gitignore").write_text("/data\n/.data*\n/.hourglass/\n/.dvc/cache\n/.dvc/tmp\n/.dvc/config.local\n")
    making.build(str(rows(folder / "rows.npy", 20, 0)), root / "data", params.load(root / "params.yaml").data)
    dvc_repo.run(Project(root, root), ["add", "--quiet", "data"])
    return root


@pytest.fixture
def project(template, tmp_path, monkeypatch) -> Project:
    monkeypatch.delenv("HOURGLASS_HOME", raising=False)
    return Project.find(shutil.copytree(template, tmp_path / "project"))


def rows(path: Path, count: int, value: float) -> Path:
    """Save rows that differ, and of which every split gets some."""
    np.save(path, value + np.arange(3.0 * count).reshape(count, 3))
    return path


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def start_git(project: Project) -> None:
    git(project.root, "init", "--quiet")
    git(project.root, "add", ".")
    git(project.root, "commit", "--quiet", "-m", "Start")


def versioned(project: Project) -> dict:
    (out,) = YAML(typ="safe").load(project.root / "data.dvc")["outs"]
    return out


def test_settings_of_pictures_stay_and_those_of_pairs_are_written(project, tmp_path, monkeypatch):
    monkeypatch.setattr(dvc_repo, "run", lambda *arguments: None)
    content = YAML(typ="safe").load(project.params_file)
    content["data"]["image"] = {"size": [4, 4], "fit": "resize"}
    YAML(typ="safe").dump(content, project.params_file)
    for place in range(60):
        for name, side in (("photos", 3 + place % 9), ("sketches", 12)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(np.full((side, side), place, np.uint8)).save(tmp_path / name / f"{place}.png")
    photos, sketches = str(tmp_path / "photos"), str(tmp_path / "sketches")
    said = list(snapshot.replace(project, photos, None, None, None, None, None, pair=sketches))
    assert "params.yaml: data.pair: None -> sketches" in said
    settings = params.load(project.params_file).data
    assert (settings.pair, settings.condition, settings.image.size) == ("sketches", ["pair"], [4, 4])
    found = snapshots.read(project.data, settings)
    assert found.rows.shape == found.arrays["pair"].shape == (60, 4, 4)
    list(snapshot.replace(project, "digits", None, None, None, None, None))
    assert params.load(project.params_file).data.pair is None


@pytest.mark.services
def test_without_git_a_shard_goes_into_the_data(project, tmp_path):
    added = add(project, rows(tmp_path / "new.npy", 5, 1))
    assert added.new
    assert added.commit is None
    assert len(snapshots.read(project.data).rows) == 25
    assert versioned(project)["nfiles"] == 4
    assert not dvc_data.differs(project)


def test_with_git_a_shard_goes_to_the_branch_and_the_checkout_stays(project, tmp_path):
    start_git(project)
    before = versioned(project)
    added = add(project, rows(tmp_path / "new.npy", 5, 1))
    assert versioned(project) == before
    assert len(snapshots.read(project.data).rows) == 20
    assert git(project.root, "status", "--porcelain") == ""
    git(project.root, "merge", "--quiet", databranch.BRANCH)
    assert snapshot.ensure(project, params.load(project.params_file)) == "data/ came from DVC"
    assert [shard.name for shard in snapshots.shards(project.data)] == ["rows", added.name]


@pytest.mark.services
def test_data_that_was_edited_is_versioned_and_not_thrown_away(project):
    rows(project.data / "rows" / "x.npy", 7, 2)
    assert "its new version is in data.dvc" in snapshot.ensure(project, params.load(project.params_file))
    assert len(snapshots.read(project.data).rows) == 7


def test_refused_shard_leaves_everything_as_it_was(project, tmp_path):
    before = versioned(project)
    np.save(tmp_path / "wide.npy", np.ones((3, 4)))
    with pytest.raises(HourglassError, match=r"wide\.npy: the shape of a row is \(4,\); expected \(3,\)"):
        add(project, tmp_path / "wide.npy")
    assert versioned(project) == before
    assert [shard.name for shard in snapshots.shards(project.data)] == ["rows"]
    assert not list(project.root.glob(".data*"))


def test_data_that_does_not_fit_is_put_aside_with_a_report(project, tmp_path):
    np.save(tmp_path / "wide.npy", np.ones((3, 4)))
    with pytest.raises(HourglassError, match=r"data/ is as before; the data and a report are in .*quarantine"):
        add(project, tmp_path / "wide.npy")
    (aside,) = (project.state / "quarantine").iterdir()
    assert (aside / "wide.npy").read_bytes() == (tmp_path / "wide.npy").read_bytes()
    report = json.loads((aside / "report.json").read_text())
    assert "the shape of a row is (4,); expected (3,)" in report["problem"]


def test_a_quarantine_on_a_full_disk_does_not_hide_what_is_wrong(project, tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    np.save(tmp_path / "wide.npy", np.ones((3, 4)))
    monkeypatch.setattr("hourglass.stages.add.whole", full)
    with pytest.raises(HourglassError, match=r"the shape of a row is \(4,\).* data/ is as before; .*\(No space left"):
        add(project, tmp_path / "wide.npy")


def test_a_source_that_is_not_there_is_not_put_aside(project, tmp_path):
    with pytest.raises(HourglassError, match=r"none\.npy doesn't exist"):
        add(project, tmp_path / "none.npy")
    assert not (project.state / "quarantine").exists()


def test_none_of_the_old_rows_are_fetched(project, tmp_path, monkeypatch):
    start_git(project)
    dvc_repo.run(project, ["remote", "add", "--quiet", "--local", "--default", "store", "../store"])
    dvc_repo.run(project, ["push", "--quiet", "data.dvc"])
    shutil.rmtree(project.data)
    shutil.rmtree(project.root / ".dvc" / "cache")
    assert add(project, rows(tmp_path / "new.npy", 5, 1)).new
    cached = [path for path in (project.root / ".dvc" / "cache").rglob("*") if path.is_file()]
    x = [path for path in cached if path.read_bytes().startswith(b"\x93NUMPY")]
    assert len(x) == 1, "the new rows alone"


def test_nobody_replaces_the_data_while_a_shard_is_added(project, tmp_path, monkeypatch):
    held = []

    def look(*_):
        with locked(project, str(project.data), wait=False) as free:
            held.append(not free)
        raise HourglassError("seen enough")

    monkeypatch.setattr(shards, "add", look)
    with pytest.raises(HourglassError, match="seen enough"):
        add(project, tmp_path / "new.npy")
    assert held == [True]


@pytest.mark.services
def test_who_sees_the_branch_finds_its_data_in_the_remote(project, tmp_path):
    start_git(project)
    dvc_repo.run(project, ["remote", "add", "--quiet", "--local", "--default", "store", "../store"])
    added = add(project, rows(tmp_path / "new.npy", 5, 1))
    git(tmp_path, "clone", "--quiet", "--branch", databranch.BRANCH, project.root, "elsewhere")
    clone = Project.find(tmp_path / "elsewhere")
    dvc_repo.run(clone, ["remote", "add", "--quiet", "--local", "--default", "store", "../store"])
    snapshot.ensure(clone, params.load(clone.params_file))
    assert [shard.name for shard in snapshots.shards(clone.data)] == ["rows", added.name]


@pytest.mark.services
def test_shard_that_the_remote_refuses_is_not_added(project, tmp_path):
    start_git(project)
    (tmp_path / "store").write_text("no folder")
    dvc_repo.run(project, ["remote", "add", "--quiet", "--local", "--default", "store", "../store"])
    with pytest.raises(HourglassError):
        add(project, rows(tmp_path / "new.npy", 5, 1))
    assert databranch.tip(project) is None


@pytest.mark.services
def test_part_of_the_data_does_not_pass_for_edited_data(project):
    before = versioned(project)
    kept = next(
        path for path in (project.root / ".dvc" / "cache").rglob("*") if path.is_file() and path.stat().st_size > 500
    )
    kept.unlink()
    shutil.rmtree(project.data)
    for _ in range(2):
        with pytest.raises(HourglassError, match="neither DVC's cache nor a remote holds that"):
            snapshot.ensure(project, params.load(project.params_file))
    assert versioned(project) == before


def test_rebuilt_data_that_differs_is_refused_however_often_it_is_tried(project, monkeypatch):
    def unreachable(*_):
        raise HourglassError("no remote answers")

    before = versioned(project)
    project.params_file.write_text(PARAMS.replace("rows.npy", "digits"))
    shutil.rmtree(project.data)
    monkeypatch.setattr(dvc_repo, "run", unreachable)
    for _ in range(2):
        with pytest.raises(HourglassError, match=r"no remote answers.*digits rebuilt here differs"):
            snapshot.ensure(project, params.load(project.params_file))
        assert not project.data.exists()
    assert versioned(project) == before
    assert not list(project.root.glob(".data*"))


def test_a_series_sets_what_was_found_and_is_divided_by_time_until_other_data_comes(project, tmp_path):
    when = pd.date_range("2024-01-01", periods=200, freq="h")
    readings = pd.DataFrame({"when": when, "heat": np.sin(np.arange(200))})
    readings.to_csv(tmp_path / "readings.csv", index=False)
    said = replaced(project, tmp_path / "readings.csv", {"time": "when", "window": 12})
    assert "period: 1h, the median of 199 steps from a reading to the next" in said
    loaded = params.load(project.params_file)
    assert (loaded.data.signal.columns, loaded.data.signal.period, loaded.data.signal.window) == (["heat"], "1h", 12)
    assert (loaded.split.by, loaded.split.column) == ("time", "start")
    pd.DataFrame({"heat": range(30), "colour": ["red", "blue"] * 15}).to_csv(tmp_path / "table.csv", index=False)
    replaced(project, tmp_path / "table.csv")
    loaded = params.load(project.params_file)
    assert loaded.data.signal.time is None
    assert (loaded.split.by, loaded.split.column) == ("hash", None)


def test_a_series_is_read_by_the_form_of_times_that_the_settings_name(project, tmp_path):
    text = project.params_file.read_text().replace("rows.npy}", "rows.npy, signal: {format: '%d.%m.%Y'}}")
    project.params_file.write_text(text)
    when = pd.date_range("2024-01-01", periods=200).strftime("%d.%m.%Y")
    pd.DataFrame({"when": when, "heat": np.sin(np.arange(200))}).to_csv(tmp_path / "readings.csv", index=False)
    replaced(project, tmp_path / "readings.csv", {"time": "when", "window": 12})
    assert params.load(project.params_file).data.signal.period == "1d"


def test_times_of_what_is_no_table_are_refused(project, tmp_path):
    with pytest.raises(HourglassError, match="holds no tables; --time is for those with a column of times"):
        replaced(project, rows(tmp_path / "rows.npy", 30, 1), {"time": "when"})


def test_settings_of_a_series_are_checked_before_anything_is_read(project, tmp_path):
    with pytest.raises(HourglassError, match=r"data\.signal\.window is 1; it should be greater than or equal to 2"):
        replaced(project, tmp_path / "none.csv", {"time": "when", "window": 1})


def replaced(project: Project, source: Path, signal: dict | None = None) -> list[str]:
    return list(snapshot.replace(project, str(source), None, None, None, None, None, signal=signal))


def test_columns_that_cannot_be_used_are_told_with_what_to_do_when_the_data_come(project, tmp_path):
    frame = pd.DataFrame(
        {"kg": [f"{n}.5 kg" for n in range(300)], "id": [f"c{n}" for n in range(300)], "a": range(300)}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    said = list(snapshot.replace(project, str(tmp_path / "t.csv"), None, None, None, None, None))
    units, identifiers, last = said[-3:]
    assert units.startswith("column 'kg', row 0: '0.5 kg' is a number with a unit")
    assert units.endswith("or set data.columns: {kg: ignore}.")
    assert identifiers.startswith("column 'id' has 300 different texts")
    assert last == "do that, then run `hourglass run` to train on it"


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (pd.DataFrame({"a": [1.5, np.inf] * 150, "b": range(300)}), "150 of 300 rows have a missing or infinite value"),
        (pd.DataFrame({"id": [f"c{n}" for n in range(3000)]}), "more than 1,000 different texts"),
        (pd.DataFrame({"a": [1.5], "b": [2]}), "has no normal row"),
    ],
    ids=["infinities", "categories without end", "one row"],
)
def test_data_that_no_data_set_can_be_made_of_leaves_the_old_snapshot(project, tmp_path, frame, sentence):
    before, held, settings = versioned(project), contents(project.data), project.params_file.read_bytes()
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(HourglassError, match=sentence):
        replaced(project, tmp_path / "t.csv")
    assert (versioned(project), contents(project.data)) == (before, held)
    assert project.params_file.read_bytes() == settings
    assert not list(project.root.glob(".data*"))


def test_a_shard_of_infinities_is_put_aside(project, tmp_path):
    np.save(tmp_path / "new.npy", np.full((5, 3), np.inf))
    with pytest.raises(HourglassError, match=r"5 of 5 rows have a missing or infinite value.* data/ is as before"):
        add(project, tmp_path / "new.npy")
    assert [shard.name for shard in snapshots.shards(project.data)] == ["rows"]
    assert list((project.state / "quarantine").glob("*/new.npy"))


def test_gaps_are_told_with_what_fills_them_and_settings_of_columns_stay_where_the_columns_do(
    project, tmp_path, monkeypatch
):
    monkeypatch.setattr(dvc_repo, "run", lambda *arguments: None)
    frame = pd.DataFrame({"a": [1.5, None, 2.5] * 100, "b": range(300), "c": [0.5, np.inf] * 150})
    frame.to_csv(tmp_path / "t.csv", index=False)
    project.params_file.write_text(PARAMS.replace("rows.npy}", "rows.npy, columns: {c: ignore, x: {scale: log}}}"))
    said = replaced(project, tmp_path / "t.csv")
    assert said[-2] == (
        "column 'a' has no value in 100 of 300 rows, more than the share data.max_invalid = 0.01 allows; set "
        "data.columns: {a: {impute: median}} or {a: ignore}."
    )
    columns = params.load(project.params_file).data.columns
    assert {name: one.type for name, one in columns.items()} == {"c": "ignore"}


def test_what_is_not_modelled_may_hold_anything(project, tmp_path):
    frame = pd.DataFrame({"who": ["ok"] * 150 + [f"c{n}" for n in range(150)], "a": range(300), "b": range(300)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    said = list(snapshot.replace(project, str(tmp_path / "t.csv"), "who", ["ok"], None, None, None))
    assert said[-1] == "run `hourglass run` to train on it"
    assert not any("column 'who'" in line for line in said)


def test_text_is_read_as_the_settings_say_and_they_stay(project, tmp_path):
    table = "{delimiter: '~', decimal: ',', encoding: cp1252}"
    project.params_file.write_text(f"variants: [vae]\nvae: {{}}\ndata: {{source: rows.npy, table: {table}}}\n")
    frame = pd.DataFrame({"a": 0.5 + np.arange(60), "café": ["é", "è"] * 30})
    frame.to_csv(tmp_path / "t.csv", index=False, sep="~", decimal=",", encoding="cp1252")
    list(snapshot.replace(project, str(tmp_path / "t.csv"), None, None, None, None, None))
    data = params.load(project.params_file).data
    assert (data.table.delimiter, data.table.decimal, data.table.encoding) == ("~", ",", "cp1252")
    found = joined(list(snapshots.opened(project.data, data).blocks(data)))
    pd.testing.assert_frame_equal(found.rows, frame, check_dtype=False)


def test_an_embedded_set_is_rebuilt_under_the_split_that_it_was_made_with(project):
    """The categories that the schema holds are those of the training rows."""
    content = YAML(typ="safe").load(project.params_file)
    content["split"] = {"train": 0.003, "validation": 0.697}
    YAML(typ="safe").dump(content, project.params_file)
    list(snapshot.replace(project, "digits", None, None, None, [], None))
    before = versioned(project)
    shutil.rmtree(project.data)
    shutil.rmtree(project.root / ".dvc" / "cache")
    assert "was rebuilt from digits" in snapshot.ensure(project, params.load(project.params_file))
    assert versioned(project) == before


@pytest.fixture
def full_cache(monkeypatch):
    """Have DVC add what its cache had no room for: it then passes over that and says nothing."""
    run = dvc_repo.run

    def without_room(project, arguments, *others):
        cache = project.root / ".dvc" / "cache"
        there = set(cache.rglob("*"))
        said = run(project, arguments, *others)
        for path in set(cache.rglob("*")) - there:
            if path.is_file() and path.suffix != ".dir":
                path.unlink()
        return said

    monkeypatch.setattr(dvc_repo, "run", without_room)


def test_a_snapshot_that_the_cache_has_no_room_for_leaves_the_old_one(project, tmp_path, full_cache):
    before, held, settings = versioned(project), contents(project.data), project.params_file.read_bytes()
    source = rows(tmp_path / "more.npy", 30, 1)
    with pytest.raises(HourglassError, match="cache doesn't hold all of data after `dvc add`; is the disk full"):
        list(snapshot.replace(project, str(source), None, None, None, None, None))
    assert (versioned(project), contents(project.data)) == (before, held)
    assert project.params_file.read_bytes() == settings


def test_a_shard_that_the_cache_has_no_room_for_is_not_added(project, tmp_path, full_cache):
    before, held = versioned(project), contents(project.data)
    with pytest.raises(HourglassError, match="is the disk full"):
        add(project, rows(tmp_path / "more.npy", 30, 1))
    assert (versioned(project), contents(project.data)) == (before, held)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
