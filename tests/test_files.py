import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass import files
from hourglass.errors import HourglassError

contents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)
@given(contents)
def test_canonical_json_says_what_it_was_given(content):
    assert json.loads(files.canonical_json(content)) == content


@settings(deadline=None)
@given(st.dictionaries(st.text(), contents, min_size=2))
def test_the_order_of_keys_leaves_no_trace(content):
    backwards = dict(reversed(content.items()))
    assert files.canonical_json(backwards) == files.canonical_json(content)
    assert files.digest(backwards) == files.digest(content)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_refused(number):
    with pytest.raises(ValueError, match="Out of range float"):
        files.canonical_json([number])


def test_canonical_json_is_the_same_for_ever():
    assert files.canonical_json({"b": [1, 0.1], "a": "ü"}) == '{\n  "a": "ü",\n  "b": [\n    1,\n    0.1\n  ]\n}\n'


def test_a_digest_is_the_same_for_ever():
    assert files.digest({}) == "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"


def test_what_was_written_is_read(tmp_path):
    files.write_json(tmp_path / "a.json", {"x": [1, None, "ß"]})
    assert files.read_json(tmp_path / "a.json") == {"x": [1, None, "ß"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_content_that_cannot_be_written_leaves_the_old_file(tmp_path):
    files.write_json(tmp_path / "a.json", "old")
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a.json", object())
    assert files.read_json(tmp_path / "a.json") == "old"


FULL_DISK = """
import resource, sys
from pathlib import Path
from hourglass.files import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_text(Path(sys.argv[1]), "new" * 1000)
"""


def test_a_write_that_fails_half_way_leaves_the_old_file_alone(tmp_path):
    files.write_text(tmp_path / "a.txt", "old")
    command = [sys.executable, "-c", FULL_DISK, tmp_path / "a.txt"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "File too large" in run.stderr
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_missing_file_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(HourglassError, match=r"none\.json is missing; run `hourglass run`"):
        files.read_json(tmp_path / "none.json")


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_file_that_is_no_json_is_named(tmp_path, content):
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(HourglassError, match=r"broken\.json is not valid JSON .*delete it"):
        files.read_json(tmp_path / "broken.json")


def test_files_are_hashed_by_content(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"")
    expected = {"a": hashlib.sha256(b"").hexdigest(), "b/one": hashlib.sha256(b"1").hexdigest()}
    assert files.folder_hashes(tmp_path) == expected


def test_hashes_of_a_folder_are_sorted_by_path(tmp_path):
    for number in range(9, -1, -1):
        (tmp_path / str(number)).touch()
    assert list(files.folder_hashes(tmp_path)) == [str(number) for number in range(10)]


def write_half(out, part):
    with files.whole(out) as place:
        (place / part).parent.mkdir(exist_ok=True)
        (place / part).write_text("half")
        raise ZeroDivisionError


@pytest.mark.parametrize("part", ["", "page"], ids=["file", "folder"])
def test_what_fails_half_way_leaves_nothing(tmp_path, part):
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path / "out", part)
    assert not list(tmp_path.iterdir())
