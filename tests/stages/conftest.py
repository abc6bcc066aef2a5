"""A real DVC project with one small stage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hourglass.project import Project

GRAPH = """
stages:
  double:
    cmd: python double.py
    deps: [number.txt]
    params: [factor]
    outs: [work/double, work/inputs/double.json]
"""

STAGE = """
from pathlib import Path
from hourglass.project import Project
from hourglass.stages.guard import run_guarded
root = Path.cwd()
def work(number, folder):
    print("working")
    (folder / "result.txt").write_text(str(2 * number))
def read():
    return int(Path("number.txt").read_text())
run_guarded(Project(root, root), "double", root / "work" / "double", read=read, work=work)
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name, content in {
        "dvc.yaml": GRAPH,
        "double.py": STAGE,
        "number.txt": "21",
        "params.yaml": "factor: 2",
    }.items():
        (tmp_path / name).write_text(content)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    return Project(tmp_path, tmp_path)
