"""A snapshot is opened and read shard by shard, by the schema that it holds."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, shards, snapshot
from hourglass.data.params import DataParams
from hourglass.errors import HourglassError


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.full((2, 2), 1.0))
    making.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.full((1, 2), 0.0))
    np.testing.assert_array_equal(snapshot.read(tmp_path / "data").rows, [[0, 0], [1, 1], [1, 1]])


def test_shards_of_unequal_shape_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.ones((2, 2)))
    making.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.ones((2, 3)))
    with pytest.raises(HourglassError, match="different shapes"):
        snapshot.read(tmp_path / "data")


def test_shards_whose_arrays_beside_are_of_unequal_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.ones((2, 2)), photo=np.ones((2, 3, 3)))
    making.build(str(tmp_path / "b.npz"), tmp_path / "data", DataParams())
    (tmp_path / "data" / "a").mkdir()
    np.save(tmp_path / "data" / "a" / "x.npy", np.ones((2, 2)))
    np.save(tmp_path / "data" / "a" / "photo.npy", np.ones((2, 4, 4)))
    with pytest.raises(HourglassError, match=r"arrays 'photo' of different shapes \[\(3, 3\), \(4, 4\)\]"):
        snapshot.read(tmp_path / "data")


def test_a_schema_of_another_version_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.ones((3, 2)))
    making.build(str(tmp_path / "b.npy"), tmp_path / "data", DataParams())
    facts = json.loads((tmp_path / "data" / "schema.json").read_text())
    (tmp_path / "data" / "schema.json").write_text(json.dumps(facts | {"format": 99}))
    with pytest.raises(HourglassError, match=r"schema.json has format 99; this version reads format 1"):
        snapshot.opened(tmp_path / "data", DataParams())


def test_a_missing_snapshot_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match="hourglass data digits"):
        snapshot.read(tmp_path / "data")


def test_all_shards_have_their_columns_in_the_order_of_the_schema(tmp_path: Path) -> None:
    """Else the same row would have another hash, and so another split, in another shard."""
    frame = pd.DataFrame({"b": np.arange(20.0), "a": np.arange(20.0) ** 2})
    frame.to_csv(tmp_path / "first.csv", index=False)
    making.build(str(tmp_path / "first.csv"), tmp_path / "data", DataParams())
    frame[["a", "b"]].to_csv(tmp_path / "turned.csv", index=False)
    shards.add(tmp_path / "turned.csv", tmp_path / "data", DataParams(), datetime(2026, 1, 1, tzinfo=UTC))
    first, second = snapshot.opened(tmp_path / "data", DataParams()).blocks(DataParams())
    pd.testing.assert_frame_equal(first.rows, second.rows)
