"""What MLflow loads: the runtime shipped beside this file, under a name made from its hash.

Two versions in one process so each run their own code.
"""

import importlib.util
import json
import sys
from pathlib import Path

import mlflow
from mlflow.pyfunc import PythonModel


class Hourglass(PythonModel):  # type: ignore[misc]  # noqa: D101
    def load_context(self, context):  # type: ignore[no-untyped-def]  # noqa: D102
        folder = Path(context.artifacts["package"])
        name = "hourglass_runtime_" + json.loads((folder / "config.json").read_text())["runtime"][:16]
        if name not in sys.modules:
            sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
            spec = importlib.util.spec_from_file_location(name, folder / "runtime" / "__init__.py")
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
            sys.dont_write_bytecode = before
        self.model = sys.modules[name].Model(folder)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002, D102
        return self.model.predict(model_input, **(params or {}))


mlflow.models.set_model(Hourglass())
