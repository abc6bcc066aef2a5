"""CONTRIBUTING.md's exercise, done as it says: a variant is one file and one section."""

import json
import re
import textwrap

import pytest
from ruamel.yaml import YAML

from tests.projects import ROOT

pytestmark = pytest.mark.services


def test_the_exercise_adds_a_variant_in_one_file_and_one_section(copy):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    exercise = re.search(r"^## Add a variant in one file\n(.*?)^## |\Z", page, re.MULTILINE | re.DOTALL)[1]
    path = re.search(r"Add `(src/hourglass/models/(\w+)\.py)`", exercise)
    blocks = {kind: textwrap.dedent(body) for kind, body in re.findall(r"```(\w+)\n(.*?)```", exercise, re.DOTALL)}
    name = path[2]
    (copy.root / path[1]).write_text(blocks["python"])
    copy.set(**YAML(typ="safe").load(blocks["yaml"]))

    explained, *_ = (line.split("#")[0].split() for line in blocks["sh"].splitlines())
    assert "(lambda)" in copy.hourglass(*explained[1:])
    assert "Stage 'train@vae' didn't change" in copy.dvc("repro")
    board = json.loads((copy.root / "work" / "compare" / "leaderboard.json").read_text())
    assert name in board["ranking"]
    changed = {line[3:] for line in copy.git("status", "--porcelain").splitlines()}
    assert changed == {path[1], "params.yaml", "dvc.lock"}
    contract = ROOT / "tests" / "models"
    said = copy.run(
        "pytest", str(contract), "-q", "-k", name, "-p", "no:cacheprovider", PYTHONPATH=str(copy.root / "src")
    )
    assert re.search(r"^\d\d passed", said.splitlines()[-1]), said
