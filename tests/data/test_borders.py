"""Windows that follow each other in a snapshot are neighbours only where they are in time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data import proposal
from hourglass.data.borders import Recordings, Series
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.making import build
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.data.snapshot import Snapshot, opened, read
from hourglass.data.sources import Raw
from hourglass.runtime.signal import SignalSchema
from tests.data.sources.test_audio import params as pieces
from tests.data.sources.test_audio import sound, write

MINUTE = 60 * 10**9


def schema(**given: int) -> SignalSchema:
    return SignalSchema("when", ("value",), **{"window": 4, "stride": 2, "period": MINUTE, "max_gap": 2} | given)


def cut(sizes: list[tuple[str, int, int]], of: SignalSchema) -> tuple[pd.DataFrame, list[int]]:
    """Cut stretches, each of a series, so many readings that are missing before it, and so many that are there.

    Give the side of their windows, and the windows at which a stretch begins.
    """
    parts, begins, count = [], [], 0
    at = dict.fromkeys((name for name, _, _ in sizes), 0)
    for name, missing, readings in sorted(sizes, key=lambda one: one[0]):
        at[name] += missing
        when = pd.to_datetime((at[name] + np.arange(readings)) * MINUTE)
        found = of.cut_all(pd.DataFrame({"when": when, "value": 0.0}))
        if len(found.starts):
            begins.append(count)
            parts.append(found.where.assign(series=name))
            count += len(found.starts)
        at[name] += readings
    return pd.concat(parts, ignore_index=True), begins


STRETCHES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(3, 20), st.integers(4, 20)), min_size=1, max_size=6)


@given(STRETCHES, st.integers(1, 5), st.integers(1, 9), st.integers(0, 100))
def test_borders_are_where_stretches_begin_whatever_the_blocks(
    sizes: list[tuple[str, int, int]], stride: int, rows: int, first_row: int
) -> None:
    of = schema(stride=stride)
    side, begins = cut(sizes, of)
    borders = Series(of, first_row)
    for start in range(0, len(side), rows):
        borders.look(side.iloc[start : start + rows].reset_index(drop=True))
    assert borders.rows == [first_row + row for row in begins]


@pytest.mark.parametrize(("missing", "expected"), [(0, [0]), (2, [0]), (2.4, [0]), (2.6, [0, 1]), (3, [0, 1])])
def test_what_is_interpolated_is_no_gap(missing: float, expected: list[int]) -> None:
    """So it is where a long file is read in pieces, of which each begins a window and a grid."""
    start = pd.Series(pd.to_datetime([0, int((4 + missing) * MINUTE)]))
    side = pd.DataFrame({"series": "a", "start": start, "end": start + pd.Timedelta("3min")})
    borders = Series(schema(), 0)
    borders.look(side)
    assert borders.rows == expected


def test_windows_that_leave_readings_out_between_them_are_neighbours() -> None:
    of = schema(stride=9)
    side, _ = cut([("a", 0, 40), ("b", 0, 20)], of)
    borders = Series(of, 0)
    borders.look(side)
    assert borders.rows == [0, 5]


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    """Two files, in the first of which an hour is missing."""
    (tmp_path / "source").mkdir()
    for name in ("a", "b"):
        when = pd.date_range("2024-01-01", periods=400, freq="min")
        frame = pd.DataFrame({"when": when, "value": np.random.default_rng(0).normal(size=400)})
        frame = frame.drop(index=range(200, 260)) if name == "a" else frame
        frame.to_csv(tmp_path / "source" / f"{name}.csv", index=False)
    return tmp_path / "source"


@pytest.mark.parametrize("memory", [2**19, 2**30])
def test_a_data_set_tells_the_borders_of_its_series(machines: Path, tmp_path: Path, memory: int) -> None:
    given = kind_settings("signal", {"time": "when", "window": 16, "stride": 4})
    proposed = proposal.proposed_params("machines", signal=given)
    data, _, _ = proposal.settled(str(machines), proposed, SplitParams())
    build(str(machines), tmp_path / "data", data)
    (tmp_path / "set").mkdir()
    data = data.model_copy(update={"memory": memory})
    ingest(opened(tmp_path / "data", data), tmp_path / "set", data, SplitParams())
    found = Dataset(tmp_path / "set").borders.tolist()
    side = read(tmp_path / "data", data).side
    apart = (side["start"].diff() > pd.Timedelta("30min")) | (side["series"] != side["series"].shift())
    assert found == np.flatnonzero(apart).tolist()
    assert len(found) == 3


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), min_size=1), st.integers(1, 9), st.integers(0, 100)
)
def test_recordings_begin_where_the_file_is_another_whatever_the_blocks(
    sizes: list[tuple[str, int]], rows: int, first_row: int
) -> None:
    files = [f"{number}{name}" for number, (name, size) in enumerate(sizes) for _ in range(size)]
    borders = Recordings(first_row)
    for start in range(0, len(files), rows):
        borders.look(pd.DataFrame({"file": files[start : start + rows]}))
    borders.look(pd.DataFrame({"file": []}))
    assert borders.rows == [first_row + files.index(file) for file in dict.fromkeys(files)]


def test_a_data_set_numbers_the_recordings_of_its_pieces(tmp_path: Path) -> None:
    for number in range(24):
        write(tmp_path / "source" / f"{number:02}.wav", sound(600, number))
    data, splitting = pieces(), SplitParams(by="group", column="file")
    build(str(tmp_path / "source"), tmp_path / "data", data)
    (tmp_path / "set").mkdir()
    ingest(opened(tmp_path / "data", data), tmp_path / "set", data, splitting)
    dataset, files = Dataset(tmp_path / "set"), read(tmp_path / "data", data).side["file"]
    assert len(dataset.borders) == 24
    for split in ("train", "selection"):
        told = files.iloc[dataset.rows(split).index].to_numpy()
        assert (1 + np.array([int(name[:2]) for name in told])).tolist() == dataset.stretches(split).tolist()


def test_rows_that_are_no_series_have_none(tumours: Raw, tmp_path: Path) -> None:
    ingest(Snapshot.of(tumours), tmp_path, DataParams(), SplitParams())
    dataset = Dataset(tmp_path)
    assert "borders" not in dataset.info
    assert len(dataset.borders) == 0
    assert set(dataset.stretches("train")) == {0}
