"""A packaged model as MLflow saves and serves it; ``--fuzz-seconds=N`` says how long its server gets bad requests."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("serving")
    group.addoption("--fuzz-seconds", type=float, default=10, metavar="N", help="of bad requests (default 10)")


def described(package: Any) -> dict[str, Any]:
    """Give what registration tells MLflow of a package."""
    from hourglass.registry.versions import signature

    return {
        "python_model": str(package.folder / "shim.py"),
        "artifacts": {"package": str(package.folder)},
        "signature": signature(package.model.config),
        "pip_requirements": ["mlflow"],
    }


def logged(package: Any) -> str:
    """Log a model as registration does, to the store that is set; give its address."""
    import mlflow

    with mlflow.start_run():
        return str(mlflow.pyfunc.log_model(name="model", **described(package)).model_uri)


def saved(package: Any, folder: Path) -> str:
    """Save a model with all that registration gives it."""
    import mlflow

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        mlflow.pyfunc.save_model(str(folder), **described(package))
    return str(folder)


def strict(text: str) -> Any:
    """Read JSON that has no NaN and no Infinity."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
