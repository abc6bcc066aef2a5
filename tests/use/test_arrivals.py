"""Files that arrive are scored once, whatever came between."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, read_json, write_json
from hourglass.use import arrivals, shards

URI = "models:/tumours/1"


@pytest.fixture(scope="module")
def model(table_autoencoder: Any) -> Any:
    return table_autoencoder.model


@pytest.fixture
def source(tumours: Raw, tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    for name in ("monday.csv", "tuesday.csv", ".wednesday.csv", "_notes.csv"):
        tumours.rows.head(50).to_csv(folder / name, index=False)
    return folder


def names(source: Path, output: Path) -> list[str]:
    return [path.name for path in arrivals.waiting(source, output)]


def test_what_is_scored_waits_no_more(model: Any, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores"
    assert names(source, output) == ["monday.csv", "tuesday.csv"]
    said = arrivals.score(model, URI, source / "monday.csv", output)
    assert said.startswith(f"{output / 'monday.csv'}: 1 shard(s), 50 rows, ")
    assert names(source, output) == ["tuesday.csv"]
    assert len(pd.read_parquet(output / "monday.csv" / "part-00000.parquet")) == 50


def test_a_file_that_grew_after_it_was_scored_is_refused(model: Any, source: Path, tmp_path: Path) -> None:
    output, monday = tmp_path / "scores", source / "monday.csv"
    arrivals.score(model, URI, monday, output)
    monday.write_text(monday.read_text() * 2)
    assert "monday.csv" in names(source, output)
    with pytest.raises(HourglassError, match=r"begun with another input .*; remove it"):
        arrivals.score(model, URI, monday, output)


@pytest.mark.parametrize("complete", [True, False])
def test_half_of_another_models_work_begins_anew_and_whole_work_stays(
    model: Any, source: Path, tmp_path: Path, complete: bool
) -> None:
    output, monday = tmp_path / "scores", source / "monday.csv"
    arrivals.score(model, URI, monday, output)
    expected = folder_hashes(output)
    path = output / "monday.csv" / "manifest.json"
    write_json(
        path, read_json(path) | {"complete": complete, "model": {"uri": "models:/tumours/0", "sha256": "0" * 64}}
    )
    assert ("monday.csv" in names(source, output)) is not complete
    if complete:
        with pytest.raises(HourglassError, match="begun with another model"):
            arrivals.score(model, URI, monday, output)
    else:
        arrivals.score(model, URI, monday, output)
        assert folder_hashes(output) == expected


def test_a_half_scored_file_is_gone_on_with(
    model: Any, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, monday = tmp_path / "scores", source / "monday.csv"
    arrivals.score(model, URI, monday, output)
    path = output / "monday.csv" / "manifest.json"
    write_json(path, read_json(path) | {"complete": False})
    monkeypatch.setattr(shards, "judge", None)  # nothing is judged again
    arrivals.score(model, URI, monday, output)
    assert names(source, output) == ["tuesday.csv"]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match=r"score\.source is .*nowhere, and there is no such folder"):
        arrivals.waiting(tmp_path / "nowhere", tmp_path)
