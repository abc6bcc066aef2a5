"""A small project whose data set is made, as DVC knows it."""

import shutil
from collections.abc import Iterator
from contextlib import chdir, nullcontext
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from hourglass import params
from hourglass.data import making
from hourglass.params import Params
from hourglass.project import Project
from hourglass.stages import ingest, train

CHECKOUT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "seed": 0,
    "variants": ["autoencoder"],
    "split": {"salt": 0},
    "select": {"metric": "auto"},
    "data": {"source": "breast_cancer", "label": "diagnosis", "normal": ["benign"], "memory": "1 GiB"},
    "train": {"device": "cpu", "epochs": 6, "batch": 64, "lr": 3e-3, "checkpoint_seconds": 0},
    "autoencoder": {"latent": 4, "hidden": [16]},
    "anomaly": {"alpha": 0.1},
    "evaluate": {"bootstrap": 100, "map_rows": 50},
    "sweep": {
        "trials": 8,
        "space": {
            "autoencoder.latent": [2, 4],
            "autoencoder.hidden": [[16], [24, 16]],
            "train.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        },
    },
}


@pytest.fixture(scope="session", autouse=True)
def unmirrored() -> Iterator[None]:
    """No training here needs MLflow, whose start takes longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "mirrored", lambda *_: nullcontext())
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("sweep") / "project"
    shutil.copytree(CHECKOUT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copyfile(CHECKOUT / "dvc.yaml", root / "dvc.yaml")
    YAML().dump(SMALL, root / "params.yaml")
    project, loaded = Project(root, root), params.load(root / "params.yaml")
    with Repo.init(str(root), no_scm=True) as repo:
        making.build("breast_cancer", project.data, loaded.data)
        repo.add(str(project.data))
        with chdir(root):
            ingest.run(project, loaded)
            repo.commit("ingest", force=True)
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """The project with a state of its own."""
    return Project(made.root, tmp_path)


@pytest.fixture
def loaded(made: Project) -> Params:
    return params.load(made.params_file)


def swept(loaded: Params, **settings: Any) -> Params:
    """Change settings of the section ``sweep``."""
    return loaded.model_copy(update={"sweep": loaded.sweep.model_copy(update=settings)})
