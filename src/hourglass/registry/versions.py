"""Versions of a registered name: made once for each package, found by what it was made from."""

import json
import os
import warnings
from contextlib import chdir
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass import dvc_lock, pipeline
from hourglass.data.params import SplitParams
from hourglass.errors import HourglassError
from hourglass.files import digest, read_json, sha256_of
from hourglass.locks import locked
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import cards, history, store, tracking
from hourglass.registry.bytecode import no_bytecode
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import CHAMPION, Listed, Standing, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

KEY, MANIFEST_HASH, PARAMS = "hourglass.version_key", "hourglass.manifest_sha256", "hourglass.params"
#: What the gate said of a version last, in words, and whether it has ever let it pass.
VERDICT, GATE = "hourglass.verdict", "hourglass.gate"
PASSED, REFUSED = "passed", "refused"
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
    import mlflow

    from hourglass.runtime.manifest import MANIFEST

    name, variant = params.registry.name, training.variant
    entries = dvc_lock.entries(project)
    key = digest(entries[f"package@{variant}"])[:32]
    client = store.connect(project)
    with locked(project, f"register {name}"), store.store_errors(store.uri(project)):
        found = client.search_model_versions(f"name = '{name}' and tags.`{KEY}` = '{key}'")
        if found:
            cards.describe(client, project, params, found[0])
            return find(project, name, int(found[0].version)), False
        package = project.output("package", variant)
        tags = Provenance.of(project.root).tags() | _made_from(training, params)
        tags |= {
            KEY: key,
            MANIFEST_HASH: sha256_of(package / MANIFEST),
            _METRIC: metric,
            _VALUE: repr(value),
            tracking.DATA: pipeline.ingested_data(project),
            "hourglass.lock": digest(entries)[:32],
        }
        # MLflow notes the paths it is given; relative ones say nothing of this machine
        with tracking.run_of(project, client, name, training) as run, chdir(project.root):
            logged = _logged(client, run, key) or _log(run, package, key)
            made = mlflow.register_model(f"models:/{logged}", name, tags=tags)
            cards.describe(client, project, params, made)
            return find(project, name, int(made.version)), True


def _made_from(training: tracking.Training, params: Params) -> dict[str, str]:
    """Tell by tags what a training was given."""
    settings = params.model_dump(mode="json", exclude={"run"})
    of_variant = {training.variant: training.inputs["params"][training.variant]}
    identity = [training.variant, training.inputs["params"], params.data.normalise]
    return training.tags() | {
        PARAMS: json.dumps(settings | of_variant),
        _SETTINGS: digest(identity)[:32],
        tracking.FINGERPRINT_FACTS: json.dumps(training.fingerprint),
    }


def find(project: Project, name: str, number: int) -> Version:
    """Find a version by its number.

    Raises
    ------
    HourglassError
        There is none, or it wasn't registered by Hourglass.
    """
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        version = _version(client.get_model_version(name, str(number)))
    if version is None:
        raise HourglassError(
            f"version {number} of {name} was registered by others: it lacks the tags that say what it was made from. "
            "`hourglass models` lists the versions that can be judged and served."
        )
    return version


def standing(project: Project, name: str, previous: dict[str, dict[str, float]]) -> Standing:
    """Tell where a registered name stands; `previous` are the metrics of the runs before, by variant."""
    ours = [entry for entry in listing(project, name) if entry.version is not None]
    champion = next((entry.version for entry in ours if CHAMPION in entry.aliases), None)
    return Standing(
        name,
        champion=champion,
        newest=ours[0].version if ours else None,
        verdict=ours[0].verdict if ours else "",
        previous=previous,
    )


def listing(project: Project, name: str) -> list[Listed]:
    """List all versions, newest first, with their aliases and the gate's verdict."""
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        found = client.search_model_versions(f"name = '{name}'")
        aliases = history.aliases(client, name)
    return [
        Listed(
            number=int(entry.version),
            created=_created(entry),
            version=_version(entry),
            aliases=tuple(alias for alias, number in aliases.items() if number == int(entry.version)),
            verdict=entry.tags.get(VERDICT, ""),
        )
        for entry in sorted(found, key=lambda entry: -int(entry.version))
    ]


def note(client: "MlflowClient", name: str, number: int, verdict: str, *, passed: bool) -> None:
    """Note with a version what the gate said of it, and whether it has ever let it pass."""
    for tag, value in ((VERDICT, verdict), (GATE, PASSED if passed else REFUSED)):
        client.set_model_version_tag(name, str(number), tag, value)


def _log(run: str, package: Path, key: str) -> str:
    import mlflow

    with mlflow.start_run(run_id=run), no_bytecode(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=os.path.relpath(package / "shim.py"),
            artifacts={"package": os.path.relpath(package)},
            signature=signature(read_json(package / "config.json")),
            pip_requirements=[f"{part}=={installed(part).partition('+')[0]}" for part in _CONSUMER],
            tags={KEY: key},
        )
    return str(logged.model_id)


def _logged(client: "MlflowClient", run: str, key: str) -> str | None:
    """Find what an attempt logged that was killed before it could register; half of a model is deleted."""
    experiment = client.get_run(run).info.experiment_id
    complete = None
    for model in client.search_logged_models([experiment], f"tags.`{KEY}` = '{key}'"):
        if model.status == "READY":
            complete = str(model.model_id)
        else:
            client.delete_logged_model(model.model_id)
    return complete


def signature(config: dict[str, Any]) -> Any:
    """Describe what a model takes and gives.

    Columns may hold anything: a wrong or missing value flags its row instead of failing the call, and integers are
    taken for numbers. Arrays are checked by the runtime, which says what it expected.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    outputs = [
        *_places(config["schema"]),
        ColSpec("double", "anomaly_score"),
        ColSpec("double", "p_value"),
        ColSpec("boolean", "is_anomaly"),
        ColSpec("boolean", "valid"),
    ]
    if "ensemble" in config:
        outputs.append(ColSpec("double", "score_spread"))
    params = ParamSchema(
        [
            ParamSpec("output", "string", "score"),
            ParamSpec("n", "long", 16),
            ParamSpec("seed", "long", 0),
            ParamSpec("steps", "long", 8),
            ParamSpec("reasons", "long", 3),
            ParamSpec("share", "double", 0.1),
            ParamSpec("condition", "string", ""),
        ]
    )
    return ModelSignature(_inputs(config["schema"], config["condition"]), Schema(outputs), params)


def _inputs(schema: dict[str, Any], told: dict[str, Any] | None) -> Any:
    """Describe rows: columns, readings of series, or arrays.

    Columns are said to be optional. Of a missing one MLflow's refusal would repeat all rows and columns; the runtime
    names it in a sentence.
    """
    import numpy as np
    from mlflow.types import ColSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    from hourglass.runtime.conditioning import Conditioning
    from hourglass.runtime.schema import ROWS

    if schema["kind"] == "table":
        beside = told["schema"]["columns"] if told and not told["of_label"] else []
        return Schema([ColSpec(AnyType(), column["name"], required=False) for column in schema["columns"] + beside])
    if schema["kind"] == "signal":
        readings = Conditioning.from_config(told).readings if told else None
        names = [schema["time"], *(readings.columns if readings else ()), *schema["columns"]]
        names += filter(None, [schema["series"]])
        return Schema([ColSpec(AnyType(), name, required=False) for name in names])
    names = [ROWS, *(Conditioning.from_config(told).names)] if told and not told["of_label"] else [None]
    return Schema([TensorSpec(np.dtype("object"), (-1,), name) for name in names])


def _places(schema: dict[str, Any]) -> list[Any]:
    """Describe the columns that say where a window of a series lies; of other rows there are none."""
    from mlflow.types import ColSpec
    from mlflow.types.schema import AnyType

    from hourglass.runtime.cuts import END, SERIES, START

    if schema["kind"] != "signal":
        return []
    return [ColSpec("string", SERIES, required=False), ColSpec(AnyType(), START), ColSpec(AnyType(), END)]


def _version(entry: "ModelVersion") -> Version | None:
    """Read the tags of a version; None where others registered it."""
    if not {KEY, PARAMS, tracking.VARIANT, _METRIC, _VALUE, _SETTINGS} <= entry.tags.keys():
        return None
    return Version(
        name=entry.name,
        number=int(entry.version),
        variant=entry.tags[tracking.VARIANT],
        metric=entry.tags[_METRIC],
        value=float(entry.tags[_VALUE]),
        created=_created(entry),
        settings=entry.tags[_SETTINGS],
        commit=entry.tags.get("mlflow.source.git.commit", ""),
        passed=entry.tags.get(GATE) == PASSED,
        split=SplitParams(**json.loads(entry.tags[PARAMS])["split"]),
    )


def _created(entry: "ModelVersion") -> datetime:
    return datetime.fromtimestamp(entry.creation_timestamp / 1000, UTC)
