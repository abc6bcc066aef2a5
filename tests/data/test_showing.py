"""What ingest keeps for people to look at."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from hourglass.data import making, showing, snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.settings import SignalSettings
from hourglass.data.snapshot import Shard, Snapshot
from hourglass.data.sources import Raw, sliced
from hourglass.files import folder_hashes, read_json

LABELLED = DataParams(label="class", normal=["good"], max_invalid=0.5)


def shard(name: str, frame: pd.DataFrame, limit: int = 2**30) -> Shard:
    raw = Raw("table", frame, frame)
    return Shard(name, lambda: name, lambda: name, lambda _: sliced(raw, limit))


def shown(
    shards: list[Shard], folder: Path, data: DataParams = LABELLED, **split: Any
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    folder.mkdir()
    ingest(Snapshot(shards), folder, data, SplitParams(**split))
    return read_json(folder / "overview.json"), load_file(folder / "sample.safetensors")


def test_gaps_are_counted_for_each_column_by_what_is_wrong(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[[3, 5], "height"] = np.nan
    frame.loc[7, "weight"] = np.inf
    frame.loc[[8, 9, 10], "colour"] = None
    frame["part"] = np.resize(SPLITS, len(frame))
    frame.loc[frame.index[(frame["part"] == "test") & (frame.index > 20)][:4], "colour"] = "black"
    found, _ = shown([shard("a", frame)], tmp_path / "out", by="given", column="part")
    columns = {one["name"]: (one["missing"], one["unreadable"], one["unseen"]) for one in found["columns"]}
    assert columns == {
        "height": (2, 0, 0), "weight": (0, 1, 0), "colour": (3, 0, 4), "class": (0, 0, 0), "part": (0, 0, 0),
    }  # fmt: skip


def test_missing_values_are_counted_where_they_are_filled_too(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[:49, "height"] = np.nan
    data = DataParams.model_validate({"columns": {"height": {"impute": "mean"}}})
    found, _ = shown([shard("a", frame)], tmp_path / "out", data)
    assert {one["name"]: one["missing"] for one in found["columns"]}["height"] == 50


def test_every_column_is_told_with_its_type_the_reason_and_its_use(frame: pd.DataFrame, tmp_path: Path) -> None:
    data = LABELLED.model_copy(update={"condition": ["colour"]})
    found, _ = shown([shard("a", frame)], tmp_path / "out", data)
    uses = {one["name"]: one["use"] for one in found["columns"]}
    assert uses == {"height": "feature", "weight": "feature", "colour": "condition", "class": "label"}
    assert all(one["type"] and one["why"] for one in found["columns"])


def test_shards_and_classes_are_counted_by_split(frame: pd.DataFrame, tmp_path: Path) -> None:
    found, _ = shown([shard("a", frame[:150]), shard("b", frame[150:])], tmp_path / "out")
    counts = Dataset(tmp_path / "out").info["counts"]
    assert [(one["name"], one["rows"]) for one in found["shards"]] == [("a", 150), ("b", 250)]
    assert found["rows"] == 400
    for split in SPLITS:
        assert sum(one["splits"][split] for one in found["shards"]) == counts[split]["rows"]
        assert found["classes"]["bad"][split] == counts[split]["anomalies"]


def test_correlations_are_those_of_normal_training_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["sum"] = frame["height"] + frame["weight"]
    found, _ = shown([shard("a", frame[:170]), shard("b", frame[170:])], tmp_path / "out")
    train = Dataset(tmp_path / "out").raw("train")
    expected = train[["height", "weight", "sum"]].corr()
    assert found["correlation"]["names"] == list(expected)
    np.testing.assert_allclose(found["correlation"]["values"], expected, atol=1e-4)


def test_the_sample_holds_rows_of_the_data_set_as_they_lie_there(frame: pd.DataFrame, tmp_path: Path) -> None:
    found, sample = shown([shard("a", frame)], tmp_path / "out")
    dataset = Dataset(tmp_path / "out")
    assert found["sample"] == {"normal": int((~sample["anomaly"]).sum()), "anomalous": int(sample["anomaly"].sum())}
    assert set(sample["index"]) == set(range(400))
    np.testing.assert_array_equal(sample["anomaly"], dataset.is_anomaly(sample["label"]))
    for place, split in enumerate(SPLITS):
        rows, chosen = dataset.rows(split), sample["split"] == place
        np.testing.assert_array_equal(np.sort(sample["index"][chosen]), rows.index)
        order = sample["index"][chosen].argsort()
        np.testing.assert_array_equal(sample["x"][chosen][order], rows.x)


def test_anomalies_are_counted_in_the_bars_of_normal_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[frame["class"] == "bad", "height"] += 100
    found, _ = shown([shard("a", frame)], tmp_path / "out")
    assert {one["name"]: one["others"]["above"] for one in found["histograms"]}["height"] == 1


@pytest.mark.parametrize("text", [True, False])
def test_times_of_each_shard_are_told(frame: pd.DataFrame, tmp_path: Path, text: bool) -> None:
    times = pd.Series(pd.date_range("2026-01-01", periods=len(frame), freq="h"))
    frame["when"] = times.dt.strftime("%Y-%m-%d %H:%M") if text else times
    shards = [shard("a", frame[:200]), shard("b", frame[200:])]
    found, _ = shown(shards, tmp_path / "out", by="time", column="when")
    starts = [one["times"]["when"][0][:16] for one in found["shards"]]
    assert starts == ["2026-01-01T00:00", "2026-01-09T08:00"]


def test_how_rows_come_in_blocks_changes_no_byte(frame: pd.DataFrame, tmp_path: Path) -> None:
    for name, limit in (("whole", 2**30), ("parts", 2**11)):
        shown([shard("a", frame, limit)], tmp_path / name)
    whole, parts = folder_hashes(tmp_path / "whole"), folder_hashes(tmp_path / "parts")
    assert whole["overview.json"] == parts["overview.json"]
    assert whole["sample.safetensors"] == parts["sample.safetensors"]


def test_channels_are_drawn_apart_for_they_have_units_of_their_own(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.date_range("2026-01-01", periods=800, freq="s").astype(str)})
    frame["cold"], frame["hot"] = np.sin(np.arange(800)), 1000 + np.cos(np.arange(800))
    frame.to_csv(tmp_path / "series.csv", index=False)
    data = {"source": "series.csv", "signal": SignalSettings(time="t", window=16, period="1s", columns=["cold", "hot"])}
    params, splitting = DataParams.model_validate(data), SplitParams(by="time", column="start")
    making.build(str(tmp_path / "series.csv"), tmp_path / "data", params, splitting)
    (tmp_path / "out").mkdir()
    ingest(snapshot.opened(tmp_path / "data", params), tmp_path / "out", params, splitting)
    cold, hot = read_json(tmp_path / "out" / "overview.json")["histograms"]
    assert (cold["name"], hot["name"]) == ("cold", "hot")
    np.testing.assert_allclose([cold["edges"][0], cold["edges"][-1]], [-1, 1], atol=0.01)
    np.testing.assert_allclose([hot["edges"][0], hot["edges"][-1]], [999, 1001], atol=0.01)


def test_of_many_columns_no_correlation_is_kept_and_the_first_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "MOST_DRAWN", 7)
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 201))).rename(columns=str)
    found, _ = shown([shard("a", wide)], tmp_path / "out", DataParams())
    assert found["correlation"] is None
    assert [one["name"] for one in found["histograms"]] == list("0123456")
