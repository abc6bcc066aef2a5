"""The deployed scoring, without a server; tests/end_to_end has it with one."""

from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from flows import score as flow
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.registry import consume
from hourglass.use import shards
from tests.faults.files import forbidding
from tests.projects import ROOT

URI = "models:/tumours/3"


@pytest.fixture
def project(table_autoencoder: Any, tumours: Raw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "incoming").mkdir()
    tumours.rows.head(30).to_csv(tmp_path / "incoming" / "monday.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(consume, "champion", lambda project, name: (table_autoencoder.model, URI))
    return tmp_path


def run(source: str | None = "incoming") -> tuple[str, str]:
    with disable_run_logger():
        state = flow.score.fn(source)
    return state.type.value, state.message


def test_new_files_are_scored_once_by_the_champion(project: Path) -> None:
    assert run() == ("COMPLETED", f"1 of 1 new files scored by {URI}.")
    found = shards.manifest(project / "scores" / "monday.csv")
    assert (found["model"]["uri"], found["complete"]) == (URI, True)
    assert run() == ("COMPLETED", "Nothing new.")


def test_a_file_that_cannot_be_scored_is_named_and_holds_up_no_other(project: Path, tumours: Raw) -> None:
    (project / "incoming" / "a.csv").write_text("mean radius\n1\n")
    kind, message = run()
    assert kind == "FAILED"
    assert message.startswith(f"1 of 2 new files scored by {URI}. a.csv: {project}/incoming/a.csv: column ")
    assert shards.manifest(project / "scores" / "monday.csv")["complete"]


def test_a_file_that_nobody_may_read_holds_up_no_other(
    project: Path, tumours: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    tumours.rows.head(30).to_csv(project / "incoming" / "a.csv", index=False)
    monkeypatch.setattr(shards, "sha256_of", forbidding("a.csv", shards.sha256_of))
    kind, message = run()
    assert (kind, "[Errno 13] Permission denied: " in message) == ("FAILED", True)
    assert message.startswith(f"1 of 2 new files scored by {URI}. a.csv: ")


def test_without_a_folder_or_a_champion_the_run_fails_in_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(None) == (
        "FAILED",
        "params.yaml: score.source is null; name the folder whose files shall be scored.",
    )

    def none(*_: Any) -> Any:
        raise HourglassError("tumours has no champion yet; `hourglass run` makes one.")

    monkeypatch.setattr(consume, "champion", none)
    assert run() == ("FAILED", "tumours has no champion yet; `hourglass run` makes one.")
