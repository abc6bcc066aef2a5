"""Which batches of a watched folder are tested, and when they count as tested."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hourglass import monitoring
from hourglass.errors import HourglassError
from hourglass.params import MonitorParams, Params
from hourglass.project import Project
from hourglass.report import drift
from hourglass.use import shards
from tests.faults.files import forbidding

PARAMS = Params(variants=["autoencoder"], monitor=MonitorParams(source="incoming"))


@pytest.fixture
def drawn() -> list[Any]:
    """What pages were drawn of."""
    return []


@pytest.fixture
def project(tmp_path: Path, table_autoencoder: Any, drawn: list[Any], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(monitoring, "champion", lambda project, name: (table_autoencoder.model, f"models:/{name}/3"))
    monkeypatch.setattr(drift, "write", lambda *told: drawn.append(told[3:]))
    (tmp_path / "incoming").mkdir()
    return Project(tmp_path, tmp_path)


@pytest.fixture
def incoming(project: Project) -> Path:
    return project.root / "incoming"


@pytest.fixture(scope="module")
def rows(tumours: Any) -> pd.DataFrame:
    return tumours.rows.sample(200, random_state=1)


def test_new_batches_are_tested_together_and_only_once(
    project: Project, incoming: Path, rows: pd.DataFrame, drawn: list[Any]
) -> None:
    rows[:80].to_csv(incoming / "monday.csv", index=False)
    rows[80:].to_parquet(incoming / "tuesday.parquet")
    found = monitoring.look(project, PARAMS)
    assert list(found.new) == ["monday.csv", "tuesday.parquet"]
    assert found.verdict.rows == 200
    assert found.sentence.startswith("monday.csv, tuesday.parquet: No drift in 200 rows")
    assert drawn == [("monday.csv, tuesday.parquet", "models:/hourglass/3", project.drift)]
    assert monitoring.look(project, PARAMS).new == found.new  # nobody has done anything because of it yet
    monitoring.remember(project, PARAMS, found)
    again = monitoring.look(project, PARAMS)
    assert (again.new, again.verdict, again.sentence) == ({}, None, "No new batch.")


def test_a_batch_that_changed_is_new_and_one_that_went_is_forgotten(
    project: Project, incoming: Path, rows: pd.DataFrame
) -> None:
    for name in ("a", "b"):
        rows.to_csv(incoming / f"{name}.csv", index=False)
    monitoring.remember(project, PARAMS, monitoring.look(project, PARAMS))
    (incoming / "a.csv").unlink()
    rows.assign(**{"mean texture": rows["mean texture"] + 9}).to_csv(incoming / "b.csv", index=False)
    found = monitoring.look(project, PARAMS)
    assert list(found.new) == ["b.csv"]
    assert "column mean texture" in found.sentence
    monitoring.remember(project, PARAMS, found)
    rows.to_csv(incoming / "a.csv", index=False)
    assert list(monitoring.look(project, PARAMS).new) == ["a.csv"]


def test_scores_are_tested_once_they_are_complete_and_of_the_champion(
    project: Project, incoming: Path, rows: pd.DataFrame, table_autoencoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.to_csv(project.root / "rows.csv", index=False)
    shards.score(table_autoencoder.model, str(project.root / "rows.csv"), incoming / "scored", uri="models:/t/1")
    found = monitoring.look(project, PARAMS)
    assert (list(found.new), found.verdict.rows) == (["scored"], 200)
    manifest = (incoming / "scored" / "manifest.json").read_text()
    (incoming / "scored" / "manifest.json").write_text(manifest.replace('"complete": true', '"complete": false'))
    begun = monitoring.look(project, PARAMS)
    assert (begun.new, begun.passed_over, begun.verdict) == ({}, ("scored",), None)
    assert begun.sentence == "No new batch. Passed over, as another model scored it or is still at it: scored."
    (incoming / "scored" / "manifest.json").write_text(manifest)
    monkeypatch.setattr("hourglass.drift.watch.sha256_of", lambda path: "that of another model")
    assert monitoring.look(project, PARAMS).passed_over == ("scored",)


def test_a_batch_that_cant_be_tested_is_named_and_the_others_are_tested(
    project: Project, incoming: Path, rows: pd.DataFrame
) -> None:
    (incoming / "README.txt").write_text("Put batches here.")
    rows.drop(columns="mean texture").to_csv(incoming / "monday.csv", index=False)
    rows.to_csv(incoming / "tuesday.csv", index=False)
    found = monitoring.look(project, PARAMS)
    assert (list(found.new), list(found.failed), found.verdict.rows) == (
        ["tuesday.csv"],
        ["README.txt", "monday.csv"],
        200,
    )
    assert f"monday.csv can't be tested: {incoming}/monday.csv: column 'mean texture' is missing" in found.sentence
    monitoring.remember(project, PARAMS, found)
    again = monitoring.look(project, PARAMS)
    assert (again.new, list(again.failed), again.verdict) == ({}, ["README.txt", "monday.csv"], None)


def test_a_batch_that_nobody_may_read_is_named_and_the_others_are_tested(
    project: Project, incoming: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("monday.csv", "tuesday.csv"):
        rows.to_csv(incoming / name, index=False)
    monkeypatch.setattr(monitoring, "sha256_of", forbidding("monday.csv", monitoring.sha256_of))
    found = monitoring.look(project, PARAMS)
    assert (list(found.new), list(found.failed)) == (["tuesday.csv"], ["monday.csv"])
    assert "monday.csv can't be tested: [Errno 13] Permission denied" in found.sentence


def test_scores_of_a_model_without_a_reference_are_passed_over(
    project: Project, incoming: Path, rows: pd.DataFrame, table_autoencoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.to_csv(project.root / "rows.csv", index=False)
    with monkeypatch.context() as before:
        before.setattr("hourglass.drift.watch.Watch.of", lambda model: None)
        shards.score(table_autoencoder.model, str(project.root / "rows.csv"), incoming / "old", uri="models:/t/1")
    assert monitoring.look(project, PARAMS).passed_over == ("old",)


def test_hidden_files_are_no_batches(project: Project, incoming: Path) -> None:
    for name in (".partly-copied.csv", "_partly-copied.csv"):
        (incoming / name).write_text("half of it")
    assert monitoring.look(project, PARAMS).verdict is None


def test_without_a_source_the_folder_of_scores_is_watched(project: Project, rows: pd.DataFrame) -> None:
    (project.root / "scores").mkdir()
    rows.to_csv(project.root / "scores" / "monday.csv", index=False)
    assert list(monitoring.look(project, Params(variants=["autoencoder"])).new) == ["monday.csv"]


def test_a_folder_that_isnt_there_is_refused(project: Project) -> None:
    with pytest.raises(HourglassError, match=r"elsewhere is no folder; name the one .* in monitor\.source"):
        monitoring.look(project, PARAMS, "elsewhere")
