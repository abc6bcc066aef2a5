"""Cells of delimited text can be had as they were written, beside what is read of them."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.data.params import DataParams
from hourglass.data.reading import blocks_of_source
from hourglass.data.settings import TableSettings

CELLS = ["00012", "1.50", "1e3", "NA", "", "null", "-0", "+7", " 8", "inf", "True", "1_000"]


def written(source: Path, data: DataParams | None = None, limit: int = 2**20) -> tuple[pd.DataFrame, pd.DataFrame]:
    blocks = list(blocks_of_source(str(source), data or DataParams(), limit, as_written=True))
    return tuple(pd.concat([getattr(raw, name) for raw in blocks], ignore_index=True) for name in ("rows", "side"))


def test_cells_that_look_like_numbers_or_gaps_stay_text_and_are_read_as_what_they_are(tmp_path: Path) -> None:
    lines = [f"{number},{cell}" for number, cell in enumerate(CELLS)]
    (tmp_path / "t.csv").write_text("\ufeffn,cell\n" + "\n".join(lines) + "\n", encoding="utf-8")
    rows, side = written(tmp_path / "t.csv")
    assert side["cell"].to_list() == CELLS
    assert side["n"].to_list() == [str(number) for number in range(len(CELLS))]
    assert rows["n"].to_list() == list(range(len(CELLS)))
    assert rows["cell"].isna().to_list() == [cell in ("NA", "", "null") for cell in CELLS]


@settings(max_examples=25)
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(CELLS),
            st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=5),
        ),
        min_size=1,
        max_size=40,
    ),
    limit=st.integers(64, 2000),
)
def test_any_text_comes_back_whatever_the_blocks(cells: list[tuple[str, str]], limit: int, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("text") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["row", "cell", "text"])
        writer.writerows([row, cell, text] for row, (cell, text) in enumerate(cells))
    _, side = written(path, limit=limit)
    assert list(zip(side["cell"], side["text"], strict=True)) == cells


def test_files_of_a_folder_follow_each_other_with_what_their_folders_say(tmp_path: Path) -> None:
    for year in (2023, 2024):
        place = tmp_path / "sales" / f"year={year}"
        place.mkdir(parents=True)
        content = "a,code\n" + "".join(f"{n},{n:05d}\n" for n in range(50))
        (place / "one.csv.gz").write_bytes(gzip.compress(content.encode()))
        (place / "none.csv").write_text("code,a\n")
    _, side = written(tmp_path / "sales", limit=500)
    assert side.columns.to_list() == ["code", "a", "year"]
    assert side["code"].to_list() == [f"{n:05d}" for n in range(50)] * 2
    assert side["year"].to_list() == ["2023"] * 50 + ["2024"] * 50


def test_text_is_read_as_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a~b\n1,50~caf\xe9\n2,5~th\xe9\n".encode("cp1252"))
    data = DataParams().model_copy(update={"table": TableSettings(delimiter="~", decimal=",", encoding="cp1252")})
    rows, side = written(tmp_path / "t.csv", data)
    assert rows["a"].to_list() == [1.5, 2.5]
    assert side.to_numpy().tolist() == [[1.5, "café"], [2.5, "thé"]]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_what_is_no_delimited_text_stays_as_it_is(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"a": np.arange(3.0), "b": ["x", "y", "z"]})
    path = tmp_path / f"t{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_json(path, orient="records", lines=True)
    rows, side = written(path)
    pd.testing.assert_frame_equal(side, rows)
