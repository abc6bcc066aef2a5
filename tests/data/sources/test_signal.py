"""Series from files: taken as they are, read as windows, settled once."""

import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data import proposal, shards
from hourglass.data.ingest import ingest
from hourglass.data.making import build
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.data.proposal import proposed_params
from hourglass.data.snapshot import opened, read
from hourglass.data.sources import joined, piecewise, signal
from hourglass.errors import HourglassError

ROWS = 400


def settled(source: str, data: DataParams) -> tuple[DataParams, list[str]]:
    found, _, said = proposal.settled(source, data, SplitParams())
    return found, said


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A series of five-minute readings of two channels, in no order, with a gap."""
    draw = np.random.default_rng(0)
    when = pd.date_range("2024-01-01", periods=ROWS, freq="5min")
    frame = pd.DataFrame({"when": when, "heat": draw.normal(50, 5, ROWS), "load": draw.normal(size=ROWS), "note": "ok"})
    path = tmp_path / "source" / "machine.csv"
    path.parent.mkdir()
    frame.drop(index=range(300, 310)).sample(frac=1, random_state=0).to_csv(path, index=False)
    return path


def settings(label=None, anomalous=None, **given) -> DataParams:
    of_signal = kind_settings("signal", {"time": "when", "window": 16, "stride": 8} | given)
    return proposed_params("machine.csv", label, None, anomalous, None, of_signal)


def taken(source: Path, tmp_path: Path, **given) -> tuple[Path, DataParams]:
    data, _ = settled(str(source), settings(**given))
    build(str(source), tmp_path / "data", data)
    return tmp_path / "data", data


def test_files_are_kept_as_they_are(machine, tmp_path):
    folder, _ = taken(machine, tmp_path)
    assert (folder / "machine" / "00000" / "table.csv").read_bytes() == machine.read_bytes()


def test_windows_come_with_their_series_and_times(machine, tmp_path):
    raw = read(*taken(machine, tmp_path))
    assert raw.kind == "signal"
    assert raw.rows.shape[1:] == (16, 2)
    assert raw.side.columns.to_list() == ["series", "start", "end"]
    assert set(raw.side["series"]) == {"machine.csv"}
    assert (raw.side["end"] - raw.side["start"] == pd.Timedelta("75min")).all()
    gap = pd.Timestamp("2024-01-02 01:00")  # row 300
    assert not ((raw.side["start"] < gap) & (raw.side["end"] >= gap)).any()


@pytest.mark.parametrize("limit", [1, 1000, 10**6])
def test_windows_of_channels_that_shall_be_made_come_with_those_of_the_others(machine, tmp_path, limit):
    """Both are of the same moments, also where one of them has a gap."""
    frame = pd.read_csv(machine).assign(clean=lambda given: 10 * given["heat"])
    frame.loc[frame["when"].between("2024-01-01 05:00", "2024-01-01 05:40"), "clean"] = np.nan
    frame.to_csv(machine, index=False)
    folder, data = taken(machine, tmp_path, target=["clean"])
    assert (data.signal.columns, data.condition) == (["heat", "load"], ["pair"])
    raw = joined(list(signal.blocks(folder / "machine", "signal", data, limit)))
    assert (raw.rows.shape[1:], raw.arrays["pair"].shape[1:]) == ((16, 1), (16, 2))
    np.testing.assert_allclose(raw.rows[..., 0], 10 * raw.arrays["pair"][..., 0])
    gap = pd.Timestamp("2024-01-01 05:20")
    assert not ((raw.side["start"] < gap) & (raw.side["end"] >= gap)).any()


@pytest.mark.parametrize("limit", [1, 1000, 10**6])
def test_blocks_are_the_shard_whatever_their_size(machine, tmp_path, limit):
    folder, data = taken(machine, tmp_path)
    parts = list(signal.blocks(folder / "machine", "signal", data, limit))
    assert all(part.rows.nbytes <= max(limit, 16 * 2 * 8) for part in parts)
    whole, again = read(folder, data), joined(parts)
    np.testing.assert_array_equal(again.rows, whole.rows)
    pd.testing.assert_frame_equal(again.side, whole.side)


def test_what_is_left_open_is_found_and_the_reason_told(machine):
    data, said = settled(str(machine), settings())
    assert (data.signal.columns, data.signal.period) == (["heat", "load"], "5min")
    assert said[0] == "channels: heat, load, the columns of numbers; left out, for they hold text or nothing: note"
    assert said[1] == "period: 5min, the median of 389 steps from a reading to the next"
    assert any("sorted by time" in sentence for sentence in said)
    assert any("the series is cut there" in sentence for sentence in said)


def test_the_period_of_irregular_readings_is_round_and_that_of_regular_ones_exact(machine):
    frame = pd.read_csv(machine)
    steps = np.random.default_rng(0).exponential(60, len(frame)).round(9)
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(steps.cumsum(), unit="s")
    frame.to_csv(machine, index=False)
    data, said = settled(str(machine), settings())
    assert re.fullmatch(r"\d\d?\.?\d?s", data.signal.period)
    assert any(
        re.search(r"steps from a reading to the next; rounded, for they differ \(\d+ns\)", line) for line in said
    )
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(frame)) * 142_857_143, unit="ns")
    frame.to_csv(machine, index=False)
    assert settled(str(machine), settings())[0].signal.period == "142857143ns"


def test_a_constant_channel_is_told(machine):
    frame = pd.read_csv(machine).assign(load=3.0)
    frame.to_csv(machine, index=False)
    assert "machine.csv: column 'load' is constant" in settled(str(machine), settings())[1]


def test_a_folder_holds_a_series_in_each_file(machine, tmp_path):
    pd.read_csv(machine).iloc[:200].to_parquet(machine.with_name("other.parquet"))
    raw = read(*taken(machine.parent, tmp_path))
    assert raw.side["series"].unique().tolist() == ["machine.csv", "other.parquet"]


def test_a_column_may_name_the_series(machine, tmp_path):
    frame = pd.read_csv(machine)
    pd.concat([frame.assign(site="a"), frame.assign(site="b")]).to_csv(machine, index=False)
    raw = read(*taken(machine, tmp_path, series="site"))
    assert raw.side["series"].unique().tolist() == ["machine.csv/a", "machine.csv/b"]


def test_a_window_is_anomalous_if_one_of_its_readings_is(machine, tmp_path):
    frame = pd.read_csv(machine)
    frame["state"] = np.where(frame["when"] == "2024-01-01 05:00:00", "broken", "fine")
    frame.to_csv(machine, index=False)
    raw = read(*taken(machine, tmp_path, label="state", anomalous=["broken"]))
    moment = pd.Timestamp("2024-01-01 05:00")
    inside = (raw.side["start"] <= moment) & (raw.side["end"] >= moment)
    assert ((raw.side["state"] == "broken") == inside).all()
    assert inside.sum() == 2
    assert raw.rows.shape[2] == 2  # the label is no channel


@pytest.mark.parametrize("form", ["json", "csv"])
def test_times_of_anomalies_become_a_label(machine, tmp_path, form):
    pair = ["2024-01-01 05:01:00", "2024-01-01 06:00:00.000000"]
    path = tmp_path / f"anomalies.{form}"
    if form == "json":
        path.write_text(json.dumps({"machine.csv": [pair], "other.csv": [["2024-01-01", "2024-02-01"]]}))
    else:
        path.write_text(f"start,end\n{pair[0]},{pair[1]}\n")
    folder, data = taken(machine, tmp_path, anomalies=str(path))
    path.unlink()  # the snapshot has its own copy
    raw = read(folder, data)
    first, last = map(pd.Timestamp, pair)
    assert (data.label, data.anomalous) == ("anomaly", ["1"])
    assert ((raw.side["anomaly"] == 1) == ((raw.side["start"] <= last) & (raw.side["end"] >= first))).all()
    assert 0 < raw.side["anomaly"].sum() < len(raw.side)


def test_ingest_divides_windows_by_time_and_normalises_each_channel(machine, tmp_path):
    folder, data = taken(machine, tmp_path)
    (tmp_path / "dataset").mkdir()
    info = ingest(opened(folder, data), tmp_path / "dataset", data, SplitParams(by="time", column="start"))
    assert info["shape"] == [2, 16]
    assert info["dropped"]["crossing_a_split"] > 0
    assert np.shape(info["normaliser"]["offset"]) == (2, 1)
    train = np.concatenate([np.load(path) for path in sorted((tmp_path / "dataset" / "train").glob("x-*.npy"))])
    np.testing.assert_allclose(np.ravel(info["normaliser"]["offset"]), train.mean(axis=(0, 2)))
    np.testing.assert_allclose(np.ravel(info["normaliser"]["scale"]), train.std(axis=(0, 2)))
    assert [one["name"] for one in info["statistics"]] == ["heat", "load"]


BAD = {
    "no column of times": ({"when": "then"}, "column 'when'"),
    "an unreadable time": (
        lambda frame: frame.assign(when=frame["when"].where(frame.index != 7, "soon")),
        "row 7: 'soon'",
    ),
    "text in a channel": (
        lambda frame: frame.assign(heat=frame["heat"].astype(object).where(frame.index != 7, "hot")),
        "column 'heat', row 7: 'hot' is no number (1 such of 390)",
    ),
    "shorter than a window": (lambda frame: frame.sort_values("when").head(9), "9 points; expected at least 16"),
    "one reading": (lambda frame: frame.head(1), "no two readings"),
    "no channel": (lambda frame: frame[["when", "note"]], "no column of numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_a_series_is_refused_in_a_sentence_and_nothing_is_left(machine, tmp_path, name):
    spoil, sentence = BAD[name]
    frame = pd.read_csv(machine)
    frame = frame.rename(columns=spoil) if isinstance(spoil, dict) else spoil(frame)
    frame.to_csv(machine, index=False)
    with pytest.raises(HourglassError, match=r"^machine\.csv") as refused:
        taken(machine, tmp_path)
    assert sentence in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_readings_of_one_time_are_refused_where_that_is_asked_for(machine, tmp_path):
    frame = pd.read_csv(machine)
    pd.concat([frame, frame.iloc[[3]]]).to_csv(machine, index=False)
    assert len(read(*taken(machine, tmp_path)).rows)
    with pytest.raises(HourglassError, match=r"^machine\.csv: column 'when', row 390: .*earlier row"):
        taken(machine, tmp_path, duplicates="refuse")


def test_a_series_larger_than_the_memory_is_refused_with_what_to_do(machine, tmp_path):
    folder, data = taken(machine, tmp_path)
    small = data.model_copy(update={"memory": 10_000})
    with pytest.raises(HourglassError, match=r"machine\.csv needs more than the 10,000 bytes that data\.memory allows"):
        list(signal.blocks(folder / "machine", "signal", small, 1000))


@pytest.fixture
def pieces(monkeypatch) -> None:
    """Tables of four columns are read in pieces of a hundred rows."""
    monkeypatch.setattr(piecewise, "_CELLS", 400)
    monkeypatch.setattr(piecewise, "_WINDOWS", 1)


def test_a_long_table_is_read_in_pieces_that_lose_less_than_a_window_each(machine, tmp_path, pieces):
    frame = pd.read_csv(machine).sort_values("when")
    frame.to_csv(machine, index=False)
    raw = read(*taken(machine, tmp_path))
    when = pd.to_datetime(frame["when"]).to_numpy()
    assert raw.side["start"].isin([when[100], when[200]]).sum() == 2  # a piece begins with a window of its own
    for border in (when[100], when[200], when[300]):
        assert not ((raw.side["start"] < border) & (raw.side["end"] >= border)).any()
    start, end = raw.side["start"].to_numpy(), raw.side["end"].to_numpy()
    assert all(((start <= one) & (one <= end)).any() for one in when[:300])


def test_a_long_table_that_is_not_sorted_is_refused(machine, tmp_path, pieces):
    with pytest.raises(
        HourglassError, match=r"^machine\.csv, rows from 100 on: readings are earlier than those before"
    ):
        taken(machine, tmp_path)


def test_a_mistake_far_down_is_told_with_its_place(machine, tmp_path, pieces):
    frame = pd.read_csv(machine).sort_values("when").astype({"heat": object})
    frame.iloc[250, 1] = "hot"
    frame.to_csv(machine, index=False)
    with pytest.raises(HourglassError, match=r"^machine\.csv, rows from 200 on: column 'heat', row 50: 'hot'"):
        taken(machine, tmp_path)


@pytest.mark.parametrize("missing", ["columns", "period"])
def test_settings_that_are_left_open_are_asked_for(machine, tmp_path, missing):
    data, _ = settled(str(machine), settings())
    signals = kind_settings("signal", {"time": "when", "columns": ["heat"], "period": "5min"} | {missing: None})
    with pytest.raises(HourglassError, match=rf"data\.signal\.{missing} is missing; set it, or run `hourglass data"):
        signal.schema_of(data.model_copy(update={"signal": signals}))


def test_what_is_no_duration_is_refused_by_its_key(machine):
    with pytest.raises(HourglassError, match=r"params\.yaml: data\.signal\.period is 'often'"):
        settled(str(machine), settings(period="often"))


def test_a_later_shard_is_of_another_series_and_on_the_same_grid(machine, tmp_path):
    folder, data = taken(machine, tmp_path)
    later = pd.read_csv(machine).assign(when=pd.date_range("2024-03-01", periods=390, freq="1min"))
    later.to_csv(tmp_path / "later.csv", index=False)
    added = shards.add(tmp_path / "later.csv", folder, data, datetime(2024, 4, 1))
    raw = read(folder, data)
    assert added.new
    assert raw.side["series"].unique().tolist() == ["machine.csv", "later.csv"]
    assert set(raw.side["end"] - raw.side["start"]) == {pd.Timedelta("75min")}


def test_a_shard_with_another_channel_missing_is_refused(machine, tmp_path):
    folder, data = taken(machine, tmp_path)
    pd.read_csv(machine).drop(columns="load").to_csv(tmp_path / "later.csv", index=False)
    with pytest.raises(HourglassError, match="column 'load' is missing"):
        shards.add(tmp_path / "later.csv", folder, data, datetime(2024, 4, 1))


def test_a_link_to_itself_among_series_is_refused(machine, tmp_path):
    (machine.parent / "again.csv").symlink_to("again.csv")
    with pytest.raises(HourglassError, match=r"/again.csv can't be copied \(Too many levels of symbolic links"):
        settled(str(machine.parent), settings())


def test_a_channel_with_a_number_beyond_all_reach_is_named(machine, tmp_path):
    frame = pd.read_csv(machine).sort_values("when")
    frame.iloc[-2, frame.columns.get_loc("load")] = 1e100
    frame.to_csv(machine, index=False)
    folder, data = taken(machine, tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(HourglassError, match=r"^column 'load' holds 1e\+100, which is too far"):
        ingest(opened(folder, data), tmp_path / "out", data, SplitParams(by="time", column="start"))
