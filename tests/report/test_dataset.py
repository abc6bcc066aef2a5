"""What the report shows of the data is what ingest found."""

import re

import numpy as np
import pytest

from hourglass.data.dataset import Dataset
from hourglass.data.params import SPLITS
from hourglass.files import read_json
from hourglass.report import words
from hourglass.report.dataset import view
from hourglass.report.gather import collect
from hourglass.runtime.normaliser import LogCurve, Normaliser
from tests.report.test_render import Page


def facts(ran):
    return collect(ran.project, ran.params, None)


def data_section(ran):
    return re.search(r'<section id="data".*?</section>', ran.plain, re.DOTALL)[0]


def areas(path):
    """Read the heights of bars of equal width from a path."""
    tops = [float(top) for top in re.findall(r"V([\d.e+-]+)H", path)]
    return (40 - np.array(tops)) / 40


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_bars_are_as_high_as_shares_are_large(kind, request):
    found = facts(request.getfixturevalue(kind))
    for one, drawn in zip(found.data.overview["histograms"], view(found)["spreads"], strict=False):
        tallest = max([*one["shares"], *one.get("others", {"shares": []})["shares"]])
        np.testing.assert_allclose(areas(drawn.bars) * tallest, one["shares"], atol=1e-3)
        assert bool(drawn.outline) == ("others" in one)


def test_a_row_of_the_table_is_a_row_of_the_data(table):
    found = view(facts(table))
    dataset = Dataset(table.project.dataset)
    for row in found["cells"]:
        index = dataset.rows(row["split"]).index
        frame = dataset.raw(row["split"])
        values = frame.iloc[int(np.flatnonzero(index == row["index"])[0])]
        assert row["cells"] == [words.plain(value) for value in values[found["heads"]]]
    assert [row["anomaly"] for row in found["cells"]] == [False] * 8 + [True] * 4


def test_pictures_are_of_normal_rows_and_then_of_anomalies(images):
    tiles = view(facts(images))["tiles"]
    assert [one["label"] == "digit 8" for one in tiles] == [False] * 24 + [True] * 12
    page = Page(data_section(images))
    assert sum("src" in one for one in page.all("img")) == 36


def test_curves_are_drawn_of_arrays(signals):
    assert [name for name, _ in view(facts(signals))["curves"]] == ["normal rows"]


def test_parts_of_a_shard_are_its_splits(images):
    (shard,) = view(facts(images))["shards"]
    counts = Dataset(images.project.dataset).info["counts"]
    assert [(split, rows) for split, rows, _ in shard["parts"]] == [(split, counts[split]["rows"]) for split in SPLITS]
    assert sum(share for *_, share in shard["parts"]) == pytest.approx(100, abs=0.1)


def test_the_reason_for_every_column_is_told(table):
    page = Page(data_section(table))
    row = page.row("mean radius feature number")
    assert "all values are numbers standard no heavy tails" in row


def test_the_strongest_correlations_are_named(table):
    train = Dataset(table.project.dataset).raw("train")
    strongest = train.corr().abs().where(~np.eye(train.shape[1], dtype=bool)).max().max()
    (_, _, r), *_ = view(facts(table))["pairs"]
    assert abs(r) == pytest.approx(strongest, abs=1e-4)


def test_the_numbers_stand_in_the_json_beside(table):
    assert table.plain
    numbers = read_json(table.project.report.with_name("report.json"))["data"]
    assert numbers["overview"] == read_json(table.project.dataset / "overview.json")


def test_columns_that_are_bent_or_filled_are_counted() -> None:
    normaliser = Normaliser(np.zeros(4), np.ones(4), {0: LogCurve(), 1: LogCurve()}, {3: 0.5})
    assert words.treated_otherwise(normaliser) == "; 2 of them after a logarithm; 1 of them with their gaps filled"
    assert words.treated_otherwise(Normaliser(np.zeros(1), np.ones(1))) == ""
