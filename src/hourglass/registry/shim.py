"""What MLflow loads: the runtime shipped beside this file, under a name made from its hash.

Two versions in one process so each run their own code.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

#: MLflow's server sets it.
_SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"


class Refusal(MlflowException):  # type: ignore[misc]
    """Rows that can't be used. Over HTTP that is status 400 and the sentence, without all rows, which MLflow adds."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, error_code=BAD_REQUEST)
        self.sentence = sentence

    def serialize_as_json(self) -> str:
        """Give what MLflow's server answers."""
        return json.dumps({"error_code": self.error_code, "message": self.sentence})


class Hourglass(PythonModel):  # type: ignore[misc]
    """A packaged model as MLflow's python_function; see ``hourglass.runtime.Model.predict``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Import the runtime of this version and open its package."""
        folder = Path(context.artifacts["package"])
        name = "hourglass_runtime_" + json.loads((folder / "config.json").read_text())["runtime"][:16]
        self.runtime = _imported(name, folder / "runtime" / "__init__.py")
        self.model = self.runtime.Model(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> Any:
        """Score rows, or give what ``params["output"]`` names; arrays and lists are taken too.

        Raises
        ------
        Refusal
            The rows can't be used; says why.
        """
        try:
            found = self.model.predict(model_input, **(params or {}))
        except self.runtime.InputError as problem:
            raise Refusal(str(problem)) from problem
        return _as_json(found) if os.environ.get(_SERVING) else found


def _as_json(found: Any) -> Any:
    """Put None in the place of NaN, which JSON has no word for."""
    if isinstance(found, pd.DataFrame):
        is_float = [isinstance(kind, np.dtype) and kind.kind == "f" for kind in found.dtypes]
        columns = {name: _known(found[name].to_numpy()) for name in found.columns[is_float]}
        return found.assign(**columns)
    return _known(found) if found.dtype.kind == "f" else found


def _known(numbers: NDArray[Any]) -> NDArray[Any]:
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers
    known = numbers.astype(object)
    known[~finite] = None
    return known


def _imported(name: str, path: Path) -> ModuleType:
    """Import a runtime once, and leave no bytecode beside it."""
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
            sys.modules[name] = module
            spec.loader.exec_module(module)  # type: ignore[union-attr]
        return sys.modules[name]
    finally:
        sys.dont_write_bytecode = before


mlflow.models.set_model(Hourglass())
