"""A packaged model as MLflow saves and serves it."""

import json
import warnings
from pathlib import Path
from typing import Any

import mlflow

from hourglass.files import read_json
from hourglass.registry.versions import signature
from tests.conftest import Packaged


def saved(package: Packaged, folder: Path) -> str:
    """Save a model with all that registration gives it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(package.folder / "shim.py"),
            artifacts={"package": str(package.folder)},
            signature=signature(read_json(package.folder / "config.json")),
            pip_requirements=["mlflow"],
        )
    return str(folder)


def strict(text: str) -> Any:
    """Read JSON that has no NaN and no Infinity."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
