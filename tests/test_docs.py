"""What the documents say can be followed: links lead somewhere, commands exist, snippets are Python."""

import re
from pathlib import Path

import pytest
import typer

from hourglass.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:`|^\s*)hourglass ([a-z]+)", re.MULTILINE)
#: Commands that follow the first in a row of a table: "`hourglass ingest`, `train`".
_SHORT = re.compile(r"^\| `hourglass [^|]*\|", re.MULTILINE)


def without_code(text):
    return re.sub(r"`[^`\n]+`", "", _FENCE.sub("", text))


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named(document):
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(document):
    links = _LINK.findall(without_code(document.read_text(encoding="utf-8")))
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_document_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        links = _LINK.findall(without_code(document.read_text(encoding="utf-8")))
        waiting += [(document.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert set(DOCUMENTS) <= reached


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_exists(document):
    text = document.read_text(encoding="utf-8")
    commands = set(_COMMAND.findall(text))
    for row in _SHORT.findall(text):
        commands |= set(re.findall(r"`(?:hourglass )?([a-z]+)[ `]", row))
    assert commands <= set(typer.main.get_command(app).commands)


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in typer.main.get_command(app).commands:
        assert re.search(rf"`(hourglass )?{command}[ `]", text), command


def snippets(document, *languages):
    text = document.read_text(encoding="utf-8")
    return [body for language, body in _FENCE.findall(text) if language in languages]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_python_snippet_compiles(document):
    for body in snippets(document, "python"):
        indent = len(body) - len(body.lstrip(" "))
        lines = [line[indent:] for line in body.splitlines()]
        assert compile("\n".join(lines), named(document), "exec")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_target_of_make_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


def test_every_decision_is_listed_with_its_title_and_dated():
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    for record in sorted(ROOT.glob("docs/adr/0*.md")):
        number = record.name[:4]
        title, _, date = record.read_text(encoding="utf-8").splitlines()[:3]
        assert f"[{number}]({record.name})" in index
        assert title.startswith(f"# {int(number)}. ")
        assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d", date)


def test_the_tests_of_variants_that_the_documents_name_exist():
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs/variants.md").read_text(encoding="utf-8"))
    named = [(file, test) for file, test in named if Path(file).name.startswith("test_")]
    assert named
    for file, test in named:
        assert f"def {test}" in (ROOT / "tests/models" / file).read_text(encoding="utf-8"), (file, test)
