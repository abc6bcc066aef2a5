"""A project of one stage, run by DVC: small enough to be spoilt anew by every test."""

import shutil
import sys
from contextlib import chdir

import pytest
from dvc.repo import Repo

from hourglass.project import Project

MAKE = """
from pathlib import Path

folder = Path("work/train/vae")
folder.mkdir(parents=True)
(folder / "a").write_bytes(b"one" * 99)
(folder / "b").write_bytes(b"two")
"""
STAGE = f"""
stages:
  train:
    cmd: {sys.executable} make.py
    deps: [data]
    outs: [work/train/vae]
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "project"
    (root / "data").mkdir(parents=True)
    (root / "data" / "rows.npy").write_bytes(b"rows" * 99)
    (root / "params.yaml").touch()
    (root / "make.py").write_text(MAKE)
    with chdir(root), Repo.init(no_scm=True) as repo:
        repo.add("data")
        (root / "dvc.yaml").write_text(STAGE)
        repo.reproduce()
    return root


@pytest.fixture
def project(made, tmp_path, monkeypatch) -> Project:
    """Everything that DVC knows of is sound; there is no MLflow store."""
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "HOURGLASS_HOME"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "project"
    shutil.copytree(made, root)
    return Project(root, root)
