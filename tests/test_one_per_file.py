"""Each file of a folder defines one thing, and is named after it."""

import re
from pathlib import Path

import pytest

from hourglass import one_per_file

FILES = {
    "__init__": "",
    "_helper": "",
    "one": "class One(ValueError): pass",
    "borrowed": "from shapes.one import One\nclass Mine(One): pass",
    "two": "class A(ValueError): pass\nclass B(ValueError): pass",
    "none": "class Other: pass",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shapes").mkdir()
    for name, content in FILES.items():
        (tmp_path / "shapes" / f"{name}.py").write_text(content)
    return "shapes"


def test_names_are_those_of_public_files(package: str) -> None:
    assert one_per_file.names(package) == ("borrowed", "none", "one", "two")


def test_a_class_that_is_imported_is_none_of_the_file(package: str) -> None:
    assert one_per_file.load(package, "borrowed", ValueError).__name__ == "Mine"


@pytest.mark.parametrize(("name", "count"), [("two", 2), ("none", 0)])
def test_a_file_with_any_other_number_is_named(package: str, name: str, count: int) -> None:
    with pytest.raises(TypeError, match=rf"{re.escape(name)}\.py must define one subclass of ValueError, not {count}"):
        one_per_file.load(package, name, ValueError)
