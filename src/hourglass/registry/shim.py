"""What MLflow loads: the runtime shipped beside this file, under a name made from its hash.

Two versions in one process so each run their own code.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class Hourglass(PythonModel):  # type: ignore[misc]
    """A packaged model as MLflow's python_function; see ``hourglass.runtime.Model.predict``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Import the runtime of this version and open its package."""
        folder = Path(context.artifacts["package"])
        name = "hourglass_runtime_" + json.loads((folder / "config.json").read_text())["runtime"][:16]
        self.model = _model_class(name, folder / "runtime" / "__init__.py")(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> Any:
        """Score rows, or give what ``params["output"]`` names; arrays and lists are taken too."""
        return self.model.predict(model_input, **(params or {}))


def _model_class(name: str, path: Path) -> Any:
    """Import a runtime once, and leave no bytecode beside it."""
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
            sys.modules[name] = module
            spec.loader.exec_module(module)  # type: ignore[union-attr]
        return sys.modules[name].Model
    finally:
        sys.dont_write_bytecode = before


mlflow.models.set_model(Hourglass())
