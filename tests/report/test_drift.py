"""The drift page, and the command that writes it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hourglass.cli import app
from hourglass.drift.verdict import Finding, Verdict, judge
from hourglass.drift.watch import require
from hourglass.drift.watched import Watched
from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.report import drift
from tests.chromium import PROGRAM, Page
from tests.report.browsing import look, require_sound


@pytest.fixture(scope="module")
def batch(tumours: Any) -> pd.DataFrame:
    rows = tumours.rows.iloc[::2].reset_index(drop=True)
    rows["mean texture"] += 8
    rows["size"] = np.where(rows.index % 9 == 0, "<huge>", rows["size"])
    return rows


@pytest.fixture
def csv(batch: pd.DataFrame, tmp_path: Path) -> str:
    batch.to_csv(tmp_path / "batch.csv", index=False)
    return str(tmp_path / "batch.csv")


def write(packaged: Any, batch: pd.DataFrame, folder: Path) -> None:
    watch = require(packaged.model)
    profile = watch.profile(batch, watch.model.score(batch))
    drift.write(watch, profile, judge(watch, profile, 0.01), "<batch>.csv", "models:/tumours/1", folder / "drift.html")


@pytest.fixture(scope="module")
def written(table_autoencoder: Any, batch: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    write(table_autoencoder, batch, folder)
    return folder


def test_the_page_says_what_drifted_and_needs_nothing_from_elsewhere(written: Path) -> None:
    page = (written / "drift.html").read_text()
    headline = re.search(r'<p class="headline">(.*?)</p>', page, re.DOTALL)[1]
    assert "column mean texture" in headline
    assert "unknown values of column size" in headline
    assert "&lt;batch&gt;.csv" in page
    assert "<batch>" not in page
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|@import|url\((?!#)", page)
    assert page.count('<svg class="plot"') == 12
    assert page.count('scope="row"') == len(read_json(written / "drift.json")["findings"])


def test_the_json_beside_it_has_every_test(written: Path) -> None:
    found = read_json(written / "drift.json")
    assert found["drift"] is True
    assert (found["rows"], found["source"], found["model"]) == (285, "<batch>.csv", "models:/tumours/1")
    assert {one["of"] for one in found["findings"]} == {"rows", "column", "score", "code"}
    assert all(0 <= one["p"] <= one["adjusted"] <= 1 for one in found["findings"])


def test_written_again_they_are_the_same_bytes(
    written: Path, table_autoencoder: Any, batch: pd.DataFrame, tmp_path: Path
) -> None:
    write(table_autoencoder, batch, tmp_path)
    for name in ("drift.html", "drift.json"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_a_clean_batch_is_said_to_have_no_drift() -> None:
    clean = Finding("score", "anomaly_score", "values", "Kolmogorov-Smirnov", 0.1, 1.0, 1.1, 0.4, 0.8)
    said = drift.sentence(Verdict(0.01, 1200, 1200, 1200, 90, (clean,), nominal=False))
    assert said == (
        "No drift in 1,200 rows by 1 test; of batches like the reference a share of 0.01 at most is called drift."
    )


def test_many_findings_are_named_by_the_most_certain_three() -> None:
    found = [Finding("code", f"unit {n}", "values", "Kolmogorov-Smirnov", 0.5, 0, 1, 1e-9, 1e-8) for n in range(5)]
    said = drift.sentence(Verdict(0.01, 1200, 1200, 1200, 90, tuple(found), nominal=False))
    assert "unit 0, unit 1, unit 2 and 2 more" in said


def test_times_are_shown_as_times(table_autoencoder: Any) -> None:
    watch = require(table_autoencoder.model)
    finding = Finding("column", "when", "values", "Kolmogorov-Smirnov", 0.5, 0, 86_400, 1e-9)
    when = replace(watch.reference.columns[0], watched=Watched("when", (), "time"))
    watch.reference = replace(watch.reference, columns=(when,))
    assert drift._row(watch, finding)["now"] == "1970-01-02 00:00"


def test_a_page_has_a_pages_name() -> None:
    with pytest.raises(HourglassError, match=r"drift\.txt is no page's name"):
        drift.require_page(Path("drift.txt"))


@pytest.mark.parametrize(("options", "status"), [([], 0), (["--exit-code"], 3), (["--exit-code", "--alpha=1e-99"], 0)])
def test_the_command_says_what_drifted_and_ends_with_status_3_where_asked(
    table_autoencoder: Any, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], status: int
) -> None:
    pages: list[Any] = []
    monkeypatch.setattr(drift, "write", lambda *told: pages.append(told[3:]))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["monitor", csv, "--model", str(table_autoencoder.folder), *options])
    assert done.exit_code == status, done.output
    assert ("No drift" if "--alpha=1e-99" in options else "mean texture") in done.output
    assert pages == [("batch.csv", str(table_autoencoder.folder), Path("drift.html"))]


def test_a_batch_of_which_no_row_can_be_judged_is_drift_and_is_said_to_be_such(
    table_autoencoder: Any, batch: pd.DataFrame, tmp_path: Path
) -> None:
    batch.assign(**{"mean texture": "n/a"}).iloc[:30].to_csv(tmp_path / "batch.csv", index=False)
    given = [str(tmp_path / "batch.csv"), "-o", str(tmp_path / "drift.html"), "--model", str(table_autoencoder.folder)]
    done = CliRunner().invoke(app, ["monitor", *given, "--exit-code"])
    assert done.exit_code == 3, done.output
    assert done.output.startswith("None of the 30 rows can be judged. Drift in 30 rows by ")
    found = read_json(tmp_path / "drift.json")
    assert (found["drift"], found["rows"], found["judged"]) == (True, 30, 0)
    page = (tmp_path / "drift.html").read_text()
    assert "None of the 30 rows can be judged" in page
    assert "<svg class" not in page
    assert "#pictures" not in page


@pytest.mark.browser
@pytest.mark.skipif(PROGRAM is None, reason="no chromium, chromium-browser or google-chrome on PATH")
def test_nothing_is_cut_or_stands_in_the_way_of_people_at_any_width(browser: Page, written: Path) -> None:
    require_sound(browser, look(browser, (written / "drift.html").as_uri()))
