"""What can't be read as a table is refused in one sentence that names the file and the place; nothing stays behind."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError

Take = Callable[..., Raw]


def refusal(take: Take, path: Path, content: str | bytes | None = None) -> str:
    """Give the sentence that a file is refused with, after checking that nothing else has changed."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(HourglassError) as refused:
        take(path)
    assert sorted(path.parent.rglob("*")) == before
    sentence = str(refused.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence.removeprefix(str(path))


#: What a file of text holds, and what is said of it.
TEXTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", " is empty; expected a header and at least one row of data."),
    "blank": ("\n\n", " is empty; expected a header and at least one row of data."),
    "header only": ("a,b\n", " holds no rows; expected a header and at least one row of data."),
    "header without an end": ("a,b", " holds no rows; expected a header and at least one row of data."),
    "no header": ("0.5,1.5\n2,3\n", ": the first row holds numbers (0.5); expected the names of the columns."),
    "doubled name": ("a,b,a\n1,2,3\n", ": column 'a' appears twice; give every column a name of its own."),
    "nameless column": (",a\n0,1\n", ": column 1 has no name; give every column one"),
    "long row": ("a,b\n1,2\n3,4,5\n6,7\n", ", row 1: 3 cells; expected 2, as in the header;"),
    "long rows": ("a,b\n1,2,3\n4,5,6\n", ", row 0: 3 cells; expected 2, as in the header;"),
    "short row": ("a,b,c\n1,2,3\n4,5\n6,7,8\n", ", row 1: 2 cells; expected 3, as in the header;"),
    "short first row": ("a,b,c\n1,2\n4,5,6\n", ", row 0: 2 cells; expected 3, as in the header;"),
    "short row, quoted": ('a,b\n"x,y",2\n"z"\n', ", row 1: 1 cells; expected 2, as in the header;"),
    "short last row": ("a,b\n1,2\n" * 1 + "1,2\n" * 500 + "3", ", row 501: 1 cells; expected 2"),
    "open quote": ('a,b\n1,2\n"3,4\n5,6\n', ", row 1: 1 cells; expected 2, as in the header;"),
    "unusual delimiter": ("a~b\n1~2\n3~4\n", ": every row holds 1 of '~' and no comma, semicolon, tab or bar;"),
    "spaces": ("a   b\n1   2\n3   4\n", ": every row holds 1 of '   ' and no comma"),
    "latin": (b"a,b\nx,1\nstra\xdfe,2\n", ", line 3: byte 0xdf is no UTF-8; save the file as UTF-8"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), " is written in UTF-16; expected UTF-8; save it as that."),
    "NUL": (b"a,b\n1,2\n\0\0\0\0", ", line 3: a NUL byte, which no text holds;"),
    "Excel": (b"PK\x03\x04...", " is a zip archive, as Excel's files are, not what its name says;"),
    "PDF": (b"%PDF-1.7", " is PDF, not what its name says; save it as CSV or Parquet."),
    "cut off gzip": (gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:-20], " is damaged or cut off (gzip: "),
    "damaged gzip": (b"\x1f\x8b\x08" + b"x" * 50, " is damaged or cut off (gzip: "),
    "damaged zstd": (b"\x28\xb5\x2f\xfd" + b"x" * 50, " is damaged or cut off (zstd: "),
}


@pytest.mark.parametrize(("content", "sentence"), TEXTS.values(), ids=TEXTS)
def test_text_that_is_no_table_is_refused(taken: Take, tmp_path: Path, content: str | bytes, sentence: str) -> None:
    assert refusal(taken, tmp_path / "table.csv", content).startswith(sentence)


def test_rows_are_counted_over_all_pieces(taken: Take, tmp_path: Path) -> None:
    rows = "1234567,text\n"
    before = 200_000
    content = "a,b\n" + rows * before + "1\n" + rows * 1000
    assert refusal(taken, tmp_path / "table.csv", content).startswith(f", row {before}: 1 cells; expected 2")


@pytest.mark.parametrize(("place", "said"), [(100_000, "row 100000: byte 0xe4"), (0, "line 2: byte 0xe4")])
def test_a_letter_of_another_encoding_is_named_by_its_row(taken: Take, tmp_path: Path, place: int, said: str) -> None:
    content = b"a,b\n" + b"x,1\n" * place + b"\xe4,1\n"
    assert said in refusal(taken, tmp_path / "table.csv", content)


def test_nul_bytes_far_inside_are_named_by_their_row(taken: Take, tmp_path: Path) -> None:
    content = b"a,b\n" + b"x,1\n" * 100_000 + b"y\0,1\n"
    assert ", row 100000: a NUL byte" in refusal(taken, tmp_path / "table.csv", content)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{'a': 1}", ", line 2: no JSON (Expecting property name"),
        ("[1]", ", line 2: a list; expected an object a line"),
        ("7", ", line 2: a int; expected an object a line"),
        ('{"a":' * 100_000, ", line 2: no JSON"),
    ],
    ids=["quotes", "list", "number", "deep"],
)
def test_a_line_that_is_no_json_object_is_named(taken: Take, tmp_path: Path, line: str, said: str) -> None:
    assert refusal(taken, tmp_path / "table.jsonl", f'{{"a": 1}}\n{line}\n').startswith(said)


def test_json_without_rows_is_refused(taken: Take, tmp_path: Path) -> None:
    assert " holds no rows" in refusal(taken, tmp_path / "table.jsonl", "\n")


@pytest.mark.parametrize("kept", [3, 50, 1000, -1])
def test_a_cut_off_parquet_file_is_refused(taken: Take, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"a": np.arange(5000.0)}).to_parquet(path)
    assert "can't be read as Parquet" in refusal(taken, path, path.read_bytes()[:kept])


def test_text_by_the_name_of_parquet_is_refused(taken: Take, tmp_path: Path) -> None:
    assert "can't be read as Parquet: it begins with b'a,b" in refusal(taken, tmp_path / "table.parquet", "a,b\n1,2\n")


def test_parquet_that_is_compressed_once_more_is_refused(taken: Take, tmp_path: Path) -> None:
    stream = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(stream)
    content = gzip.compress(stream.getvalue())
    assert " is compressed once more around Parquet" in refusal(taken, tmp_path / "table.parquet.gz", content)


def test_parquet_without_rows_is_refused(taken: Take, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"a": [1.0]})[:0].to_parquet(path)
    assert " holds no rows" in refusal(taken, path)


def folder(tmp_path: Path, **files: str) -> Path:
    for name, content in files.items():
        path = tmp_path / "parts" / name.replace("__", "/").replace("_is_", "=")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".csv").write_text(content)
    return tmp_path / "parts"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"one": "a,b\n1,2\n", "two": "a\n1\n"}, "/two.csv: column 'b' is missing; expected the columns of"),
        ({"one": "a\n1\n", "two": "a,b\n1,2\n"}, "/two.csv: column 'b' is new; expected the columns of"),
        ({"one": "a\n1\n", "two": "PAR1"}, "/two.csv can't be read as Parquet"),
        (
            {"year_is_1__one": "a\n1\n", "two": "a\n1\n"},
            "/year=1/one.csv lies in folders named by year; expected",
        ),
        ({"a_is_1__one": "a\n1\n"}, ": column 'a' is in the files and in the names of folders; rename one."),
        ({"one": "a,b\n1,2\n", "two": "a,b\n1,2\n3\n"}, "/two.csv, row 1: 1 cells; expected 2"),
    ],
    ids=["missing", "new", "format", "partition", "both", "ragged"],
)
def test_files_of_a_folder_that_do_not_fit_are_named(
    taken: Take, tmp_path: Path, files: dict[str, str], said: str
) -> None:
    assert refusal(taken, folder(tmp_path, **files)).startswith(said)


def test_a_circle_of_links_is_refused(taken: Take, tmp_path: Path) -> None:
    path = folder(tmp_path, one="a\n1\n")
    (path / "again").symlink_to(path)
    assert "/again" in refusal(taken, path)


def test_a_link_to_itself_is_refused(taken: Take, tmp_path: Path) -> None:
    path = folder(tmp_path, one="a\n1\n")
    (path / "two.csv").symlink_to(path / "two.csv")
    assert "/two.csv can't be copied (" in refusal(taken, path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(taken: Take, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    assert " can't be copied (Permission denied); check who may read it" in refusal(taken, path)


def test_a_full_disk_leaves_nothing_behind(taken: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    said = refusal(taken, tmp_path / "table.csv", "a\n1\n")
    assert said == " can't be copied (No space left on device); check who may read it and whether the disk is full."


def test_a_refused_table_leaves_the_snapshot_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    making.build(str(tmp_path / "good.csv"), tmp_path / "data", DataParams())
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    (tmp_path / "bad.csv").write_text("a,b\n1\n")
    with pytest.raises(HourglassError, match=r"bad\.csv, row 0"):
        making.build(str(tmp_path / "bad.csv"), tmp_path / "new", DataParams())
    assert {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()
