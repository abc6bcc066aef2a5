"""Versions of a registered name: made once for each package, found by what it was made from."""

import json
import os
import warnings
from contextlib import chdir
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass import pipeline
from hourglass.files import digest, read_json, sha256_of
from hourglass.locks import locked
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import store, tracking
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import CHAMPION, PREVIOUS, Standing, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

KEY, MANIFEST_HASH, VERDICT = "hourglass.version_key", "hourglass.manifest_sha256", "hourglass.verdict"
PARAMS = "hourglass.params"
_METRIC, _VALUE, _SETTINGS = "hourglass.metric", "hourglass.value", "hourglass.settings"
#: All that a consumer installs.
_CONSUMER = ("mlflow", "numpy", "onnxruntime", "pandas")


def register(
    project: Project, params: Params, training: tracking.Training, metric: str, value: float
) -> tuple[Version, bool]:
    """Register the package of a variant; one that was registered before is found again.

    Parameters
    ----------
    project : Project
    params : Params
    training : Training
        Names the variant, and the run that the version belongs to.
    metric : str
        What ranked it.
    value : float
        Its metric on selection.

    Returns
    -------
    Version
    bool
        Whether it is new.
    """
    from hourglass.runtime.model import MANIFEST

    name, variant = params.registry.name, training.variant
    entries = pipeline.lock_entries(project)
    key = digest(entries[f"package@{variant}"])[:32]
    client = store.connect(project)
    with locked(project, f"register {name}"), store.store_errors(store.uri(project)):
        found = client.search_model_versions(f"name = '{name}' and tags.`{KEY}` = '{key}'")
        if found:
            return _version(found[0]), False
        package = project.output("package", variant)
        tags = training.tags() | Provenance.of(project.root).tags()
        tags |= {
            KEY: key,
            MANIFEST_HASH: sha256_of(package / MANIFEST),
            _METRIC: metric,
            _VALUE: repr(value),
            tracking.DATA: pipeline.ingested_data(project),
            "hourglass.lock": digest(entries)[:32],
            PARAMS: json.dumps(
                params.model_dump(mode="json", exclude={"run"}) | {variant: training.inputs["params"][variant]}
            ),
            _SETTINGS: digest([variant, training.inputs["params"], params.data.normalise])[:32],
            tracking.FINGERPRINT_FACTS: json.dumps(training.fingerprint),
        }
        # MLflow notes the paths it is given; relative ones say nothing of this machine
        with tracking.run_of(project, client, name, training) as run, chdir(project.root):
            return _version(_log_and_register(name, run, package, tags)), True


def find(project: Project, name: str, number: int) -> Version:
    """Find a version by its number.

    Raises
    ------
    HourglassError
        There is none.
    """
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        return _version(client.get_model_version(name, str(number)))


def standing(project: Project, name: str, client: "MlflowClient", previous: dict[str, dict[str, float]]) -> Standing:
    """Tell where a registered name stands; `previous` are the metrics of the runs before, by variant."""
    with store.store_errors(store.uri(project)):
        found = client.search_model_versions(f"name = '{name}'")
        newest = max(found, key=lambda entry: int(entry.version), default=None)
        champion = champion_number(client, name)
        by_number = {int(entry.version): entry for entry in found}
        return Standing(
            name,
            champion=_version(by_number[champion]) if champion is not None else None,
            newest=_version(newest) if newest is not None else None,
            verdict=newest.tags.get(VERDICT, "") if newest is not None else "",
            previous=previous,
        )


def champion_number(client: "MlflowClient", name: str, alias: str = CHAMPION) -> int | None:
    """Give the number of the version that an alias points to; None if it points nowhere."""
    from mlflow.exceptions import MlflowException

    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as absent:
        if absent.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def listing(project: Project, name: str) -> list[dict[str, Any]]:
    """List all versions, newest first, with their aliases and the gate's verdict."""
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        found = client.search_model_versions(f"name = '{name}'")
        aliases = {alias: champion_number(client, name, alias) for alias in (CHAMPION, PREVIOUS)}
    rows = []
    for entry in sorted(found, key=lambda entry: -int(entry.version)):
        version = _version(entry)
        held = [alias for alias, number in aliases.items() if number == version.number]
        rows.append({"version": version, "aliases": held, "verdict": entry.tags.get(VERDICT, "")})
    return rows


def _log_and_register(name: str, run: str, package: Path, tags: dict[str, str]) -> "ModelVersion":
    import mlflow

    with mlflow.start_run(run_id=run), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=os.path.relpath(package / "shim.py"),
            artifacts={"package": os.path.relpath(package)},
            signature=signature(read_json(package / "config.json")),
            pip_requirements=[f"{part}=={installed(part).partition('+')[0]}" for part in _CONSUMER],
        )
    return mlflow.register_model(logged.model_uri, name, tags=tags)


def signature(config: dict[str, Any]) -> Any:
    """Describe what a model takes and gives.

    Columns may hold anything: a wrong or missing value flags its row instead of failing the call, and integers are
    taken for numbers. Arrays are checked by the runtime, which says what it expected.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    if config["schema"]["kind"] == "table":
        inputs = Schema([ColSpec(AnyType(), column["name"]) for column in config["schema"]["columns"]])
    else:
        inputs = Schema([TensorSpec(np.dtype("object"), (-1,))])
    outputs = Schema(
        [
            ColSpec("double", "anomaly_score"),
            ColSpec("double", "p_value"),
            ColSpec("boolean", "is_anomaly"),
            ColSpec("boolean", "valid"),
        ]
    )
    params = ParamSchema(
        [
            ParamSpec("output", "string", "score"),
            ParamSpec("n", "long", 16),
            ParamSpec("seed", "long", 0),
            ParamSpec("steps", "long", 8),
        ]
    )
    return ModelSignature(inputs, outputs, params)


def _version(entry: "ModelVersion") -> Version:
    return Version(
        name=entry.name,
        number=int(entry.version),
        variant=entry.tags[tracking.VARIANT],
        metric=entry.tags[_METRIC],
        value=float(entry.tags[_VALUE]),
        created=datetime.fromtimestamp(entry.creation_timestamp / 1000, UTC),
        settings=entry.tags[_SETTINGS],
        commit=entry.tags.get("mlflow.source.git.commit", ""),
    )
