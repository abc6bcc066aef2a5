"""Tables come back as they were, whatever they are written as and in whatever blocks they are read."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.data.params import DataParams
from hourglass.data.settings import ColumnSettings, TableSettings
from hourglass.data.sources import joined, table
from hourglass.errors import HourglassError

ROWS = 1234


@pytest.fixture
def rows() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": draw.normal(1e9, 1e-3, ROWS),
            "whole": draw.integers(-5, 5, ROWS),
            "text": draw.choice(["red", "green, or so", 'the "blue"\none'], ROWS),
            "flag": draw.integers(0, 2, ROWS).astype(bool),
            "gaps": np.where(draw.random(ROWS) < 0.1, np.nan, draw.random(ROWS)),
        }
    )


def csv(frame: pd.DataFrame, **options: object) -> bytes:
    return frame.to_csv(index=False, **options).encode()


def parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, row_group_size=500)
    return stream.getvalue()


def arrow(frame: pd.DataFrame, *, stream: bool = False) -> bytes:
    sink = io.BytesIO()
    content = pa.Table.from_pandas(frame)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=300)
    return sink.getvalue()


def json_lines(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True, double_precision=15).encode()


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


FORMS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "a.csv": csv,
    "a.CSV": csv,
    "windows.csv": lambda frame: csv(frame, lineterminator="\r\n"),
    "bom.csv": lambda frame: b"\xef\xbb\xbf" + csv(frame),
    "semicolon.csv": lambda frame: csv(frame, sep=";"),
    "bar.csv": lambda frame: csv(frame, sep="|"),
    "a.tsv": lambda frame: csv(frame, sep="\t"),
    "a.csv.gz": lambda frame: gzip.compress(csv(frame)),
    "a.csv.bz2": lambda frame: bz2.compress(csv(frame)),
    "a.csv.xz": lambda frame: lzma.compress(csv(frame)),
    "a.csv.zst": lambda frame: zstd(csv(frame)),
    "gzip-by-the-wrong-name.csv": lambda frame: gzip.compress(csv(frame)),
    "plain-by-the-wrong-name.csv.gz": csv,
    "a.jsonl": json_lines,
    "a.ndjson.gz": lambda frame: gzip.compress(json_lines(frame)),
    "a.parquet": parquet,
    "parquet-by-the-wrong-name.csv": parquet,
    "a.arrow": arrow,
    "a.feather": arrow,
    "stream.ipc": lambda frame: arrow(frame, stream=True),
}


def read(path: Path, folder: Path, limit: int = 2**20, **data: object) -> list[pd.DataFrame]:
    """Take a file or folder and read it in blocks."""
    params = DataParams(**data)
    assert table.accepts(path, params)
    folder.mkdir()
    assert table.take(path, folder, params) == "table"
    blocks = list(table.blocks(folder, "table", params, limit))
    assert all(block.rows is block.side for block in blocks)
    return [block.rows for block in blocks]


def whole(path: Path, folder: Path, limit: int = 2**20, **data: object) -> pd.DataFrame:
    return pd.concat(read(path, folder, limit, **data), ignore_index=True)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare values to the last bit, whatever the types of the columns."""
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("name", FORMS)
def test_a_table_comes_back_as_it_was(rows: pd.DataFrame, tmp_path: Path, name: str) -> None:
    if ".jsonl" in name or ".ndjson" in name:
        rows["number"] -= 1e9  # pandas writes 15 decimals
    path = tmp_path / name
    path.write_bytes(FORMS[name](rows))
    found = whole(path, tmp_path / "shard")
    if ".jsonl" in name or ".ndjson" in name:
        pd.testing.assert_frame_equal(found, rows, check_dtype=False, rtol=1e-12)
    else:
        assert_same(found, rows)


@pytest.mark.parametrize("name", FORMS)
def test_a_shard_holds_the_very_bytes(rows: pd.DataFrame, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMS[name](rows))
    read(path, tmp_path / "shard")
    kept = [file for file in (tmp_path / "shard").iterdir() if file.name != "format.json"]
    assert [file.read_bytes() for file in kept] == [path.read_bytes()]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.arrow"])
@pytest.mark.parametrize("limit", [1, 5_000, 20_000, 2**30])
def test_blocks_keep_to_their_limit_and_to_their_types(
    rows: pd.DataFrame, tmp_path: Path, name: str, limit: int
) -> None:
    path = tmp_path / name
    path.write_bytes(FORMS[name](rows[: 50 if limit == 1 else None]))
    blocks = read(path, tmp_path / "shard", limit)
    for block in blocks:
        assert len(block) == 1 or block.memory_usage(deep=True).sum() <= 1.1 * limit  # texts differ in length
        assert block.index.equals(pd.RangeIndex(len(block)))
    if name == "a.csv":
        assert len({str(block.dtypes.to_dict()) for block in blocks}) == 1
    pd.testing.assert_frame_equal(
        pd.concat(blocks, ignore_index=True), rows[: 50 if limit == 1 else None], check_dtype=False
    )


@settings(max_examples=15)
@given(st.integers(1, 100), st.integers(1, 2000), st.booleans())
def test_pieces_of_text_are_the_whole_wherever_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, first: int, size: int, windows: bool
) -> None:
    """Quoted cells hold line ends, delimiters and quotes; a piece never ends inside of one."""
    draw = np.random.default_rng(first)
    frame = pd.DataFrame(
        {"a": draw.choice(["x", 'q"q', "l\nl", ",", '"\n"', ""], 200), "b": draw.integers(0, 9, 200), "c": "end"}
    )
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    path.write_bytes(csv(frame, lineterminator="\r\n" if windows else "\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table.delimited, "_FIRST", first)
        patch.setattr(table.delimited, "_piece_bytes", lambda *_: size)
        how = table.dialect.written(path, TableSettings())
        cells = {"a": "text", "b": "integer", "c": "text"}
        found = pd.concat(table.delimited.pieces(path, how, TableSettings(), 2**20, cells), ignore_index=True)
    assert_same(found, frame.replace({"a": {"": np.nan}}))


@pytest.mark.parametrize("kind", ["category", "ignore"])
def test_a_column_of_codes_keeps_its_zeros_where_it_is_set_to_be_no_number(
    tmp_path: Path, kind: Literal["category", "ignore"]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("zip,n\n" + "01234,1\n99999,2\n" * 5)
    assert whole(path, tmp_path / "numbers")["zip"][0] == 1234
    columns = {"zip": ColumnSettings(type=kind)}
    assert whole(path, tmp_path / "texts", columns=columns)["zip"][0] == "01234"


def test_text_anywhere_makes_the_whole_column_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "007,1\n" * 5000 + "x7,1\n")
    blocks = read(path, tmp_path / "shard", 10_000)
    assert len(blocks) > 3
    assert all((block["a"][:-1] == "007").all() for block in blocks)


def test_a_gap_anywhere_makes_the_whole_column_floats(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "7,1\n" * 5000 + ",1\n")
    assert {block["a"].dtype for block in read(path, tmp_path / "shard", 10_000)} == {np.dtype(float)}


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e308, 5e-324, 1e9 + 1e-6, -np.pi * 1e-20, 2.0**53 + 2])
def test_a_float_comes_back_to_the_last_bit(tmp_path: Path, number: float) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n{number!r},1\n")
    assert whole(path, tmp_path / "shard")["a"][0] == number


def test_decimal_commas_are_read_where_they_are_set(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a;b\n1,5;x\n2,25;y\n")
    assert whole(path, tmp_path / "shard", table=TableSettings(decimal=","))["a"].tolist() == [1.5, 2.25]


def test_other_encodings_and_delimiters_are_read_where_they_are_set(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("stra\xdfe~n\n\xe4~1\n".encode("cp1252"))
    found = whole(path, tmp_path / "shard", table=TableSettings(encoding="cp1252", delimiter="~"))
    assert found.to_dict("list") == {"stra\xdfe": ["\xe4"], "n": [1]}


def test_one_row_and_one_column_are_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n5\n")
    assert whole(tmp_path / "a.csv", tmp_path / "shard").to_dict("list") == {"a": [5]}


def test_a_last_line_needs_no_end_and_empty_lines_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\na,b\n1,2\n\n3,4")
    assert whole(tmp_path / "a.csv", tmp_path / "shard").to_numpy().tolist() == [[1, 2], [3, 4]]


def test_what_a_row_of_json_lacks_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"b": "x", "a": null}\n')
    found = whole(tmp_path / "a.jsonl", tmp_path / "shard")
    assert list(found) == ["a", "b"]
    assert found.isna().to_numpy().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl"])
def test_integers_stay_such_beside_missing_ones_whatever_the_block(tmp_path: Path, suffix: str) -> None:
    """Else an account would be written 7 in one block and 7.0 in the next."""
    numbers: list[int | None] = [2**53 + 1, *range(2, 2999), None]
    path = tmp_path / f"t{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(json.dumps({"account": number}) + "\n" for number in numbers))
    else:
        content = pa.table({"account": pa.array(numbers, pa.int64())})
        pq.write_table(content, path) if suffix == ".parquet" else pa.feather.write_feather(
            content, path, "uncompressed"
        )
    (tmp_path / "shard").mkdir()
    kind = table.take(path, tmp_path / "shard", DataParams())
    for limit in (2**14, 2**24):
        blocks = list(table.blocks(tmp_path / "shard", kind, DataParams(), limit))
        found = pd.concat([block.rows for block in blocks])["account"]
        assert {block.rows["account"].dtype.kind for block in blocks} == {"i"}
        assert found.iloc[:-1].tolist() == numbers[:-1]
        assert found.isna().tolist() == [False] * 2998 + [True]


def test_types_of_arrow_become_numbers_texts_and_times(tmp_path: Path) -> None:
    from datetime import date
    from decimal import Decimal

    content = pa.table(
        {
            "decimal": pa.array([Decimal("1.25"), None]),
            "day": pa.array([date(2024, 1, 31), None]),
            "code": pa.array(["x", "y"]).dictionary_encode(),
            "half": pa.array(np.array([0.5, 1], np.float16)),
        }
    )
    pq.write_table(content, tmp_path / "a.parquet")
    found = whole(tmp_path / "a.parquet", tmp_path / "shard")
    assert [str(dtype)[:8] for dtype in found.dtypes] == ["float64", "datetime", "str", "float64"]
    assert found.loc[0].tolist() == [1.25, pd.Timestamp("2024-01-31"), "x", 0.5]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_partitioned_folder_is_one_table(rows: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "sales"
    for number, (year, place) in enumerate([("2023", "a b"), ("2023", "c"), ("2024", "__HIVE_DEFAULT_PARTITION__")]):
        part = folder / f"year={year}" / f"place={place.replace(' ', '%20')}" / f"part-0.{suffix}"
        part.parent.mkdir(parents=True)
        part.write_bytes({"csv": csv, "parquet": parquet}[suffix](rows[number * 10 : number * 10 + 10]))
    (folder / "_SUCCESS").touch()
    (folder / ".crc.csv").write_text("no table")
    found = whole(folder, tmp_path / "shard")
    assert_same(found[rows.columns], rows[:30])
    assert found["year"].tolist() == ["2023"] * 20 + ["2024"] * 10
    assert found["place"].tolist()[::10][:2] == ["a b", "c"]
    assert found["place"][20:].isna().all()
    assert (tmp_path / "shard" / "table" / "year=2023" / "place=c" / f"part-0.{suffix}").exists()


def test_files_of_a_folder_may_have_their_columns_in_another_order(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "1.csv").write_text("a,b\n1,2\n")
    (folder / "2.csv").write_text("b,a\n4,3\n")
    assert whole(folder, tmp_path / "shard").to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_a_folder_that_is_linked_to_is_read(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "link").symlink_to(tmp_path / "other")
    assert len(whole(tmp_path / "parts", tmp_path / "shard")) == 1


def test_a_table_without_its_description_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,x\n2,y\n")
    (block,) = table.blocks(tmp_path, "table", DataParams(), 2**20)
    assert joined([block]).rows.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_the_description_is_the_same_for_the_same_bytes(rows: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(csv(rows))
    for name in ("first", "second"):
        read(tmp_path / "a.csv", tmp_path / name)
    first = (tmp_path / "first" / "format.json").read_text()
    assert first == (tmp_path / "second" / "format.json").read_text()
    assert json.loads(first)["cells"] == {
        "number": "number",
        "whole": "integer",
        "text": "text",
        "flag": "boolean",
        "gaps": "number",
    }


def test_who_stops_reading_leaves_no_thread_behind(rows: pd.DataFrame, tmp_path: Path) -> None:
    import threading

    before = threading.active_count()
    for name in ("a.csv", "a.parquet"):
        (tmp_path / name).write_bytes(FORMS[name](rows))
        (tmp_path / f"{name}-shard").mkdir()
        table.take(tmp_path / name, tmp_path / f"{name}-shard", DataParams())
        blocks = table.blocks(tmp_path / f"{name}-shard", "table", DataParams(), 1000)
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_other_files_and_folders_are_left_to_other_readers(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "a.csv.txt").touch()
    for path in (tmp_path / "notes.txt", tmp_path / "a.csv.txt", tmp_path, tmp_path / "absent.csv"):
        assert not table.accepts(path, DataParams())


def test_the_delimiter_is_one_character() -> None:
    with pytest.raises(HourglassError, match=r"data.table.delimiter is ', '; expected one character, or auto"):
        TableSettings(delimiter=", ")
