"""Ingestion measures training rows alone, writes the same bytes for the same data, and refuses what it can't use."""

import getpass
import json
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data.dataset import Dataset
from hourglass.data.duplicates import duplicates
from hourglass.data.ingest import ingest
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.part import Part, Plan
from hourglass.data.part import write as write_part
from hourglass.data.settings import ColumnSettings
from hourglass.data.snapshot import Shard, Snapshot
from hourglass.data.sources import Raw, sliced
from hourglass.data.split import Rule
from hourglass.data.surveying import survey
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes
from hourglass.runtime.array import ArraySchema

LABELLED = DataParams(label="class", normal=["good"])


def ingested(rows: Any, folder: Path, data: DataParams = DataParams(), **split: Any) -> Dataset:  # noqa: B008
    folder.mkdir()
    ingest(Snapshot.of(raw(rows)), folder, data, SplitParams(**split))
    return Dataset(folder)


def raw(rows: Any) -> Raw:
    if isinstance(rows, pd.DataFrame):
        return Raw("table", rows, rows)
    return Raw("image" if rows.dtype == np.uint8 else "array", rows, pd.DataFrame())


def test_every_row_is_in_the_split_that_says_so(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out", LABELLED)
    found = [dataset.rows(split).index for split in SPLITS]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(len(frame)))
    for split, index in zip(SPLITS, found, strict=True):
        expected = frame.iloc[index].drop(columns="class").reset_index(drop=True)
        pd.testing.assert_frame_equal(dataset.raw(split), expected, check_dtype=False)
        classes = np.array(dataset.info["classes"])[dataset.rows(split).label]
        np.testing.assert_array_equal(classes, frame["class"].iloc[index])


def test_the_counts_are_those_of_the_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out", LABELLED)
    for split in SPLITS:
        anomaly = dataset.is_anomaly(dataset.rows(split).label)
        assert dataset.info["counts"][split] == {"rows": len(anomaly), "anomalies": anomaly.sum()}
    assert sum(count["anomalies"] for count in dataset.info["counts"].values()) == (frame["class"] == "bad").sum()


def test_what_is_measured_comes_from_train_alone(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["part"] = np.resize(SPLITS, len(frame))
    before = ingested(frame, tmp_path / "before", LABELLED, by="given", column="part").info
    others = frame["part"] != "train"
    frame.loc[others, "height"] = 1e6
    frame.loc[frame.index[others][:1], "colour"] = "black"
    after = ingested(frame, tmp_path / "after", LABELLED, by="given", column="part").info
    for key in ("normaliser", "statistics", "schema"):
        assert before[key] == after[key]
    assert before["files"] != after["files"]


def test_the_normaliser_follows_the_training_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out", LABELLED)
    train = dataset.raw("train")["height"]
    assert dataset.normaliser.offset[0] == pytest.approx(train.mean(), rel=1e-12)
    assert dataset.normaliser.scale[0] == pytest.approx(train.std(ddof=0), rel=1e-12)


def test_the_same_data_gives_the_same_bytes(frame: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("first", "second"):
        ingested(frame, tmp_path / name, LABELLED)
    assert folder_hashes(tmp_path / "first") == folder_hashes(tmp_path / "second")


def test_nothing_tells_who_made_it_where(frame: pd.DataFrame, tmp_path: Path) -> None:
    ingested(frame, tmp_path / "out", LABELLED)
    content = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    for trace in (str(tmp_path), str(Path.home()), platform.node(), f"/{getpass.getuser()}/"):
        assert trace.encode() not in content


def test_every_file_is_listed_with_its_hash(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out")
    assert dataset.info["files"] == {
        name: sha256 for name, sha256 in folder_hashes(tmp_path / "out").items() if name != "dataset.json"
    }


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_rows_keep_their_natural_type_and_units(tmp_path: Path, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 200, (100, 3, 3)).astype(dtype)
    dataset = ingested(x, tmp_path / "out")
    rows = dataset.rows("train")
    assert dataset.info["dtype"] == rows.x.dtype == dtype
    np.testing.assert_array_equal(dataset.raw("train"), x[rows.index])


def test_images_lie_channels_first(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 4, 5, 3), np.uint8)
    dataset = ingested(images, tmp_path / "out")
    assert dataset.info["shape"] == [3, 4, 5]
    np.testing.assert_array_equal(dataset.rows("test").x, images[dataset.rows("test").index].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dataset.raw("test"), images[dataset.rows("test").index])


def test_a_few_missing_values_are_dropped_and_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[7, "height"] = np.nan
    frame.loc[8, "weight"] = -np.inf
    frame.loc[9, "colour"] = None
    dataset = ingested(frame, tmp_path / "out", DataParams(max_invalid=3 / 400))
    assert dataset.info["dropped"] == {"missing_or_infinite": 3, "unseen_category": 0}
    assert not np.isin([7, 8, 9], np.concatenate([dataset.rows(split).index for split in SPLITS])).any()


def test_a_row_with_a_category_that_train_lacks_is_dropped_and_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["part"] = np.resize(SPLITS, len(frame))
    frame.loc[4, "colour"] = "black"
    dataset = ingested(frame, tmp_path / "out", by="given", column="part")
    assert frame.loc[4, "part"] == "test"
    assert dataset.info["dropped"] == {"missing_or_infinite": 0, "unseen_category": 1}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_too_many_missing_values_are_refused(frame: pd.DataFrame, tmp_path: Path, value: float) -> None:
    frame.loc[:4, "height"] = value
    with pytest.raises(HourglassError, match=r"5 of 400 rows .* data.max_invalid = 0.01"):
        ingested(frame, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_missing_values_in_arrays_are_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(100, 3))
    x[:2, 0] = np.nan
    with pytest.raises(HourglassError, match="2 of 100 rows"):
        ingested(x, tmp_path / "out")


def test_rows_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": 1.0, "part": ["train"] * 60 + list(SPLITS[1:])})
    with pytest.raises(HourglassError, match="all 60 training rows are the same"):
        ingested(frame, tmp_path / "out", by="given", column="part")


def test_numbers_too_large_to_measure_are_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["weight"] = frame["weight"].where(frame["weight"] > -1, -np.finfo(float).max)
    with pytest.raises(HourglassError, match=r"column 'weight' holds 1.8e\+308"):
        ingested(frame, tmp_path / "out")


def test_too_few_rows_are_refused_by_the_split_they_lack_in(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match=r"split '\w+' has no normal row \(4 rows in all\).*larger split.\w+"):
        ingested(pd.DataFrame({"a": [1.0, 2, 3, 4]}), tmp_path / "out")


def test_duplicates_are_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    doubled = pd.concat([frame, frame.head(10)], ignore_index=True)
    found = ingested(doubled, tmp_path / "out").info["duplicates"]
    assert found == {"rows": 10, "straddling_splits": 0, "normal_and_anomalous": 0}


def test_duplicates_that_straddle_given_splits_are_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["part"] = np.resize(SPLITS, len(frame))
    doubled = pd.concat([frame, frame.head(10).assign(part="train")], ignore_index=True)
    found = ingested(doubled, tmp_path / "out", by="given", column="part").info["duplicates"]
    assert found == {"rows": 10, "straddling_splits": 8, "normal_and_anomalous": 0}


def test_rows_that_are_normal_and_anomalous_are_counted(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["class"] = "good"
    doubled = pd.concat([frame, frame.head(3).assign(**{"class": "bad"})], ignore_index=True)
    assert ingested(doubled, tmp_path / "out", LABELLED).info["duplicates"]["normal_and_anomalous"] == 3


@pytest.mark.parametrize("limit", [1, 1000, 10**9])
def test_how_rows_are_cut_into_blocks_makes_no_difference(frame: pd.DataFrame, tmp_path: Path, limit: int) -> None:
    (tmp_path / "at_once").mkdir()
    (tmp_path / "in_blocks").mkdir()
    rows = raw(frame)
    cut = Snapshot([Shard("rows", lambda: "rows", lambda: "rows", lambda _: sliced(rows, limit))])
    ingest(Snapshot.of(rows), tmp_path / "at_once", LABELLED, SplitParams())
    ingest(cut, tmp_path / "in_blocks", LABELLED, SplitParams())
    assert folder_hashes(tmp_path / "at_once") == folder_hashes(tmp_path / "in_blocks")


@pytest.fixture
def halves(frame: pd.DataFrame) -> list[Raw]:
    """The rows in two shards; the second has a class that the first lacks, and comes before its others."""
    second = frame.iloc[200:].reset_index(drop=True)
    second.loc[5, "class"] = "awful"
    return [raw(frame.iloc[:200].reset_index(drop=True)), raw(second)]


def shards_of(parts: list[Raw], read: list[str]) -> Snapshot:
    """Make a snapshot that notes which shards are read."""

    def shard(name: str, part: Raw) -> Shard:
        def blocks(limit: int) -> Iterator[Raw]:
            read.append(name)
            yield from sliced(part, limit)

        return Shard(name, lambda: name, lambda: name, blocks)

    snapshot = Snapshot([shard(str(number), part) for number, part in enumerate(parts)])
    facts = survey(lambda: snapshot.blocks(LABELLED), LABELLED, SplitParams())
    read.clear()
    return replace(snapshot, facts=facts)


def test_only_new_shards_are_read(halves: list[Raw], tmp_path: Path) -> None:
    read: list[str] = []
    for name, parts in (("first", halves[:1]), ("both", halves)):
        (tmp_path / name).mkdir()
        snapshot = replace(shards_of(parts, read), facts=shards_of(halves, read).facts)
        read.clear()
        ingest(snapshot, tmp_path / name, LABELLED, SplitParams(), tmp_path / "cache")
        assert read == (["0"] if name == "first" else ["1"])


def test_what_is_kept_gives_what_reading_all_gives(halves: list[Raw], tmp_path: Path) -> None:
    for name, cache in (("fresh", None), ("kept", tmp_path / "cache"), ("again", tmp_path / "cache")):
        (tmp_path / name).mkdir()
        ingest(shards_of(halves, []), tmp_path / name, LABELLED, SplitParams(), cache)
    assert folder_hashes(tmp_path / "fresh") == folder_hashes(tmp_path / "kept") == folder_hashes(tmp_path / "again")
    classes = Dataset(tmp_path / "again")
    index = np.concatenate([classes.rows(split).index for split in SPLITS])
    label = np.concatenate([classes.rows(split).label for split in SPLITS])
    expected = pd.concat([half.rows["class"] for half in halves], ignore_index=True)
    assert [classes.info["classes"][code] for code in label] == expected.iloc[index].tolist()


def test_other_settings_make_other_parts(halves: list[Raw], tmp_path: Path) -> None:
    found = []
    for salt in (0, 1):
        (tmp_path / str(salt)).mkdir()
        ingest(shards_of(halves, []), tmp_path / str(salt), LABELLED, SplitParams(salt=salt), tmp_path / "cache")
        found.append(Dataset(tmp_path / str(salt)).rows("train").index.tolist())
    assert found[0] != found[1]


@pytest.mark.parametrize("library", ["numpy", "pandas"])
def test_another_version_of_what_adds_up_makes_parts_anew(
    halves: list[Raw], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        read: list[str] = []
        snapshot = replace(shards_of(halves, read), facts=shards_of(halves, []).facts)
        ingest(snapshot, tmp_path / name, LABELLED, SplitParams(), tmp_path / "cache")
        assert read == ["0", "1"]
        monkeypatch.setattr(f"{library}.__version__", "99.0")


def test_two_runs_at_once_make_a_part_of_which_one_stays(
    halves: list[Raw], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = shards_of(halves, []).facts
    for name in ("first", "second"):
        (tmp_path / name).mkdir()

    def run(name: str, blocks: Any) -> dict[str, Any]:
        shard = Shard("0", lambda: "0", lambda: "0", blocks)
        return ingest(Snapshot([shard], facts), tmp_path / name, LABELLED, SplitParams(), tmp_path / "cache")

    def interrupted(limit: int) -> Iterator[Raw]:
        yield halves[0]
        with monkeypatch.context() as other:
            other.setattr("os.getpid", lambda: 1)
            run("second", lambda limit: iter([halves[0]]))

    run("first", interrupted)
    assert folder_hashes(tmp_path / "first") == folder_hashes(tmp_path / "second")


def test_a_killed_ingest_leaves_no_part_that_counts(halves: list[Raw], tmp_path: Path) -> None:
    def broken(limit: int) -> Iterator[Raw]:
        yield halves[0]
        raise OSError("disk full")

    facts = shards_of(halves, []).facts
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="disk full"):
        ingest(
            Snapshot([Shard("0", lambda: "0", lambda: "0", broken)], facts),
            tmp_path / "out",
            LABELLED,
            SplitParams(),
            tmp_path / "cache",
        )
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_duplicates_are_counted_in_bounded_memory(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    once = draw.normal(size=(300, 2))
    rows = raw(np.concatenate([once, once[:40]]))
    plan = Plan(DataParams(), Rule(SplitParams()), ArraySchema("array", (2,)), None)
    (tmp_path / "part").mkdir()
    write_part([rows], plan, tmp_path / "part", 0)
    part = Part.read(tmp_path / "part", plan)
    assert (
        duplicates([part], 2**30)
        == duplicates([part], 2**10)
        == {
            "rows": 40,
            "straddling_splits": 0,
            "normal_and_anomalous": 0,
        }
    )


def test_dataset_json_is_json_for_everyone(frame: pd.DataFrame, tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    ingested(frame, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "dataset.json").read_text(), parse_constant=refuse)


def test_what_a_model_is_told_is_no_feature_of_the_row(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out", LABELLED.model_copy(update={"condition": ["colour"]}))
    assert not any(name.startswith("colour") for name in dataset.schema.features)
    rows = dataset.rows("test")
    assert rows.condition.shape == (len(rows), dataset.known)
    assert (rows.condition[:, -1] == 1).all()
    assert dataset.raw("test")["colour"].tolist() == frame["colour"].iloc[rows.index].tolist()


def test_a_label_that_a_model_is_told_stays_with_training(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset = ingested(frame, tmp_path / "out", LABELLED.model_copy(update={"condition": ["class"]}))
    rows = dataset.rows("test")
    anomaly = dataset.is_anomaly(rows.label)
    assert rows.condition[~anomaly].any(axis=1).all()
    assert not rows.condition[anomaly].any(), "training never saw the class of an anomaly"
    assert "class" not in dataset.raw("test"), "rows to judge don't come with their label"


def test_a_row_that_lacks_what_a_model_is_told_is_dropped(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[frame.index[3], "colour"] = None
    info = ingested(frame, tmp_path / "out", DataParams(condition=["colour"])).info
    assert info["dropped"]["missing_or_infinite"] == 1


def test_a_told_category_that_train_lacks_is_not_counted_as_missing(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["part"] = np.resize(SPLITS, len(frame))
    frame.loc[4, "colour"] = "black"
    info = ingested(frame, tmp_path / "out", DataParams(condition=["colour"]), by="given", column="part").info
    assert info["dropped"] == {"missing_or_infinite": 0, "unseen_category": 1}


@pytest.mark.parametrize(
    ("condition", "columns", "sentence"),
    [
        (["mass"], {}, "data.condition is 'mass'; the data has no such column"),
        (["class", "colour"], {}, "names the label 'class' and other columns"),
        (["ids"], {}, "column 'ids' has 400 different texts in 400 rows.*take it out of data.condition"),
        (["huge"], {}, "column 'huge' holds 1e\\+200"),
        (["gap"], {}, "no normal training row has a value in all of them"),
    ],
)
def test_a_condition_that_cannot_be_one_is_refused(
    frame: pd.DataFrame, tmp_path: Path, condition: list[str], columns: dict, sentence: str
) -> None:
    frame["ids"], frame["huge"] = [f"row {number}" for number in range(400)], 1e200
    frame["gap"] = np.where(frame["class"] == "good", np.nan, 1.0)
    ignored = dict.fromkeys(("ids", "huge", "gap"), ColumnSettings(type="ignore"))
    with pytest.raises(HourglassError, match=sentence):
        ingested(frame, tmp_path / "out", LABELLED.model_copy(update={"condition": condition, "columns": ignored}))


@pytest.fixture
def pairs() -> Raw:
    """Rows of four numbers, a photo of each, and its age."""
    draw = np.random.default_rng(0)
    photo = draw.integers(0, 256, (200, 3, 5), np.uint8)
    return Raw("array", draw.normal(size=(200, 4)), pd.DataFrame({"age": np.arange(200)}), {"photo": photo})


def test_an_array_beside_the_rows_can_be_a_condition(pairs: Raw, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ingest(Snapshot.of(pairs), tmp_path / "out", DataParams(condition=["photo"]), SplitParams())
    dataset = Dataset(tmp_path / "out")
    assert (dataset.known, dataset.known_shape) == (16, (1, 3, 5))
    assert dataset.info["condition"]["schema"] == {"kind": "image", "raw_shape": [3, 5], "name": "photo"}
    rows, raw = dataset.rows("test"), dataset.raw("test")
    np.testing.assert_array_equal(raw["x"], pairs.rows[rows.index])
    np.testing.assert_allclose(raw["photo"], pairs.arrays["photo"][rows.index], atol=1e-4)
    train = pairs.arrays["photo"][dataset.rows("train").index]
    expected = (pairs.arrays["photo"][rows.index].astype(float) - train.mean()) / train.std()
    np.testing.assert_allclose(rows.condition[:, :-1], expected.reshape(-1, 15), atol=1e-5)
    assert (rows.condition[:, -1] == 1).all()


def test_a_row_whose_array_has_a_gap_is_dropped(pairs: Raw, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pairs.arrays["photo"] = pairs.arrays["photo"].astype(np.float32)
    pairs.arrays["photo"][7, 0, 0] = np.nan
    info = ingest(Snapshot.of(pairs), tmp_path / "out", DataParams(condition=["photo"]), SplitParams())
    assert info["dropped"]["missing_or_infinite"] == 1


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (["photo", "age"], "names the array 'photo', which can only be named alone, and others"),
        (["texts"], "array 'texts' is of type <U1; expected numbers"),
        (["x"], "data.condition is 'x'; the data has no such column"),
    ],
)
def test_an_array_that_cannot_be_a_condition_is_refused(
    pairs: Raw, tmp_path: Path, condition: list[str], sentence: str
) -> None:
    pairs.arrays["texts"] = np.full((200, 2), "a")
    with pytest.raises(HourglassError, match=sentence):
        ingest(Snapshot.of(pairs), tmp_path / "out", DataParams(condition=condition), SplitParams())


@pytest.mark.parametrize("number", [1e308, -1e100, 1e20])
def test_a_number_beyond_all_reach_is_refused_in_every_split(tmp_path: Path, number: float) -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200), "split": np.resize(SPLITS, 200)})
    frame.loc[frame.index[frame["split"] == "test"][3], "a"] = number
    with pytest.raises(HourglassError, match=r"^column 'a' holds .*, which is too far from what normal training rows"):
        ingested(frame, tmp_path / "out", by="given", column="split")


def test_an_array_with_a_number_beyond_all_reach_is_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(400, 2, 3))
    x[::7] *= 1e13  # far, and within reach
    ingested(x, tmp_path / "far")
    row = Dataset(tmp_path / "far").rows("calibration").index[0]
    x[row, 1, 2] = 1e40
    with pytest.raises(HourglassError, match=r"^the data holds 1e\+40"):
        ingested(x, tmp_path / "out")


def test_too_few_groups_are_told_to_stay_together(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=300), "who": np.repeat(["x", "y"], 150)})
    with pytest.raises(
        HourglassError, match=r"\(300 rows in all, and those of one 'who' stay together\); give more data"
    ):
        ingested(frame, tmp_path / "out", by="group", column="who")
