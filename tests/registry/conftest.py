"""The embedded MLflow store that all tests share, by a shorter name."""

from typing import Any

import pytest

from hourglass.project import Project
from hourglass.registry import store


@pytest.fixture
def project(stored: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return stored


@pytest.fixture
def client(project: Project) -> Any:
    return store.connect(project)
