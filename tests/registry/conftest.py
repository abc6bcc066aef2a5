"""One embedded MLflow store for all tests of the registry: making its tables takes seconds."""

from typing import Any

import pytest

from hourglass.project import Project
from hourglass.registry import store


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose store is there; each test uses names of its own."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        store.connect(Project(root, root))
    return Project(root, root)


@pytest.fixture
def project(stored: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return stored


@pytest.fixture
def client(project: Project) -> Any:
    return store.connect(project)
