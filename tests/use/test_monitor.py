"""The profile of a batch is the same from its scores and from the rows themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.drift.profile import Profile
from hourglass.drift.watch import Watch, require
from hourglass.errors import HourglassError
from hourglass.files import read_json, sha256_of
from hourglass.use import shards
from hourglass.use.monitor import profile_of
from hourglass.use.shards import Layout

#: Reads a handful of rows at a time.
FEW = DataParams().model_copy(update={"memory": 2**16})


@pytest.fixture
def csv(tumours: Any, tmp_path: Path) -> str:
    tumours.rows.to_csv(tmp_path / "given.csv", index=False)
    return str(tmp_path / "given.csv")


@pytest.fixture
def watch(table_autoencoder: Any) -> Watch:
    return require(table_autoencoder.model)


def test_scores_rows_and_blocks_of_rows_have_one_profile(watch: Watch, csv: str, tmp_path: Path) -> None:
    layout = Layout(rows=200, form="parquet")
    shards.score(watch.model, csv, tmp_path / "out", uri="models:/tumours/1", layout=layout)
    told: list[int] = []
    found = [profile_of(watch, source, data) for source in (csv, str(tmp_path / "out")) for data in (FEW, DataParams())]
    profile_of(watch, csv, FEW, told.append)
    assert len({str(one.config()) for one in found}) == 1
    assert found[0].rows == told[-1] == 569
    assert len(told) > 3


def test_each_shard_has_its_profile_which_belongs_to_it(watch: Watch, csv: str, tmp_path: Path) -> None:
    out, layout = tmp_path / "out", Layout(rows=300, form="csv")
    shards.score(watch.model, csv, out, uri="models:/tumours/1", layout=layout)
    listed = read_json(out / "manifest.json")["shards"]
    for shard in listed:
        profile = Profile.read(out / shard["profile"]["file"])
        assert shard["profile"]["sha256"] == sha256_of(out / shard["profile"]["file"])
        assert (profile.rows, profile.alarms, profile.scores.missing) == tuple(
            shard[name] for name in ("rows", "alarms", "missing")
        )
    (out / "profile-00001.json").write_text("torn")
    shards.score(watch.model, csv, out, uri="models:/tumours/1", layout=layout)
    assert read_json(out / "manifest.json")["shards"] == listed
    assert sha256_of(out / "profile-00001.json") == listed[1]["profile"]["sha256"]


def test_scores_of_a_model_without_a_reference_cant_be_monitored(
    watch: Watch, csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "of", lambda model: None)
        shards.score(watch.model, csv, tmp_path / "out", uri="models:/tumours/1")
    with pytest.raises(HourglassError, match=r"no profile of part-00000\.parquet.*score the rows again"):
        profile_of(watch, str(tmp_path / "out"))


def test_scores_that_arent_complete_are_refused(watch: Watch, csv: str, tmp_path: Path) -> None:
    shards.score(watch.model, csv, tmp_path / "out", uri="models:/tumours/1")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    with pytest.raises(HourglassError, match=r"out isn't complete; go on with `hourglass score`"):
        profile_of(watch, str(tmp_path / "out"))


def test_what_holds_no_rows_is_refused(watch: Watch, csv: str, tmp_path: Path) -> None:
    pd.read_csv(csv).iloc[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(HourglassError):
        profile_of(watch, str(tmp_path / "none.parquet"))


@pytest.mark.long
def test_readings_and_their_scores_have_one_profile(signal_denoising: Any, waves: Any, tmp_path: Path) -> None:
    waves.to_csv(tmp_path / "waves.csv", index=False)
    watch = require(signal_denoising.model)
    shards.score(watch.model, str(tmp_path / "waves.csv"), tmp_path / "out", uri="models:/waves/1")
    one, two = (profile_of(watch, str(tmp_path / name)) for name in ("waves.csv", "out"))
    assert one.config() == two.config()
    assert one.rows == len(np.asarray(watch.model.score(waves)))
