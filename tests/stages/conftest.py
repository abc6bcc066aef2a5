"""A real DVC project with one small stage."""

import os
import shutil
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


@pytest.fixture(scope="session")
def initialised(tmp_path_factory) -> Path:
    """A folder that DVC has started in."""
    root = tmp_path_factory.mktemp("dvc")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=root, check=True)
    return root


@pytest.fixture
def project(initialised, tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    shutil.copytree(initialised, tmp_path, dirs_exist_ok=True)
    for name, content in {
        "dvc.yaml": GRAPH,
        "double.py": STAGE,
        "number.txt": "21",
        "params.yaml": "factor: 2",
    }.items():
        (tmp_path / name).write_text(content)
    return Project(tmp_path, tmp_path)
