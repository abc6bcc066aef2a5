"""MLflow runs: one for each trained variant, found by what it was trained from."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass.files import canonical_json, digest
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.provenance import Provenance

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

VARIANT, INPUT_KEY, FINGERPRINT, DATA = (
    f"hourglass.{name}" for name in ("variant", "input_key", "fingerprint", "data")
)
FINGERPRINT_FACTS = "hourglass.fingerprint_facts"
_TRACKED = "hourglass.tracked"
#: Entities in one request, below MLflow's limits of 1,000 metrics and 100 parameters.
_METRICS, _PARAMS = 900, 100
_EPOCH = "epoch"


@dataclass(frozen=True)
class Training:
    """What a run is of.

    Parameters
    ----------
    variant : str
    inputs : dict
        What ``train@V`` depended on, as DVC has it.
    fingerprint : dict
        What its bits depend on besides.
    """

    variant: str
    inputs: dict[str, Any]
    fingerprint: dict[str, Any]

    @property
    def key(self) -> str:
        """The ``input_key``: a hash of the inputs."""
        return digest(self.inputs)[:32]

    def tags(self) -> dict[str, str]:
        """Tags by which the run is found."""
        return {VARIANT: self.variant, INPUT_KEY: self.key, FINGERPRINT: digest(self.fingerprint)[:32]}


@dataclass(frozen=True)
class Results:
    """What a finished run holds besides its epochs.

    Parameters
    ----------
    params : dict
        Settings, nested.
    metrics : dict
        ``{"test": {"auroc": ...}}``.
    data : dict
        ``digest`` (DVC's hash of the snapshot), ``source``, ``schema`` and ``profile``.
    files : callable
        Gives name to text: figures (SVG) and JSON. They follow from the rest, and are made only where they are missing.
    """

    params: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    data: dict[str, Any]
    files: Callable[[], dict[str, str]] = dict


def lock_of(tags: Mapping[str, str]) -> str:
    """Name the lock of the run that has these tags; whoever writes to the run holds it."""
    return f"the MLflow run {dict(sorted(tags.items()))}"


@contextmanager
def run_of(project: Project, client: "MlflowClient", name: str, training: Training) -> Iterator[str]:
    """Find or start the run of a training, and keep others from writing to it meanwhile.

    Parameters
    ----------
    project : Project
    client : MlflowClient
    name : str
        Of the experiment.
    training : Training

    Yields
    ------
    str
        The run's id.
    """
    with locked(project, lock_of(training.tags())), store.store_errors(store.uri(project)):
        experiment = store.experiment(project, client, name)
        found = _search(client, experiment, training.tags())
        if found is None:
            tags = training.tags() | Provenance.of(project.root).tags() | {"mlflow.user": "hourglass"}
            found = client.create_run(experiment, tags=tags, run_name=f"{training.variant}-{training.key[:8]}")
        yield str(found.info.run_id)


def log_epochs(client: "MlflowClient", run: str, records: list[dict[str, Any]]) -> None:
    """Log the epochs that the run doesn't hold yet: terms of train and validation apart, and what the code is like."""
    from mlflow.entities import Metric

    logged = client.get_run(run).data.metrics.get(_EPOCH, 0)
    now = int(time.time() * 1000)
    metrics = []
    for record in records:
        if record["epoch"] <= logged:
            continue
        values = {name: record[name] for name in ("lr", "kl_weight", "monitor")}
        for part in ("train", "validation", "code"):
            values |= {f"{part}/{name}": value for name, value in record[part].items()}
        # the number of the epoch comes last, so that an interrupted batch is logged again
        metrics += [Metric(name, value, now, record["epoch"]) for name, value in values.items()]
        metrics.append(Metric(_EPOCH, record["epoch"], now, record["epoch"]))
    for start in range(0, len(metrics), _METRICS):
        client.log_batch(run, metrics=metrics[start : start + _METRICS])


def complete(
    project: Project, client: "MlflowClient", name: str, training: Training, epochs: Path, results: Results
) -> str:
    """Bring the run of a finished training up to date; a second call changes nothing.

    Parameters
    ----------
    project : Project
    client : MlflowClient
    name : str
        Of the experiment.
    training : Training
    epochs : Path
        ``metrics.jsonl`` of the training.
    results : Results

    Returns
    -------
    str
        The run's id.
    """
    content = digest([results.params, results.metrics, results.data])[:32]
    with run_of(project, client, name, training) as run:
        before = client.get_run(run)
        if before.data.tags.get(_TRACKED) == content and before.info.status == "FINISHED":
            return run
        log_epochs(client, run, [json.loads(line) for line in epochs.read_text(encoding="utf-8").splitlines()])
        _log_results(client, before, training, results)
        client.set_tag(run, _TRACKED, content)
        client.set_terminated(run, "FINISHED")
        return run


def previous_metrics(project: Project, client: "MlflowClient", name: str, training: Training) -> dict[str, float]:
    """Give the final metrics of the completed run of the same variant before this one; empty if it is the first."""
    with store.store_errors(store.uri(project)):
        found = client.search_runs(
            [store.experiment(project, client, name)],
            f"tags.`{VARIANT}` = '{training.variant}' and tags.`{INPUT_KEY}` != '{training.key}' "
            f"and tags.`{_TRACKED}` != ''",
            max_results=1,
            order_by=["attributes.end_time DESC"],
        )
    return dict(found[0].data.metrics) if found else {}


def flat(nested: Mapping[str, Any], separator: str, prefix: str = "") -> dict[str, Any]:
    """Join the keys of nested mappings."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        inner = isinstance(value, Mapping) and bool(value)
        found |= flat(value, separator, f"{prefix}{name}{separator}") if inner else {f"{prefix}{name}": value}
    return found


def _search(client: "MlflowClient", experiment: str, tags: dict[str, str]) -> "Run | None":
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    found = client.search_runs([experiment], query, max_results=1, order_by=["attributes.start_time ASC"])
    return found[0] if found else None


def _log_results(client: "MlflowClient", run: "Run", training: Training, results: Results) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in flat(results.metrics, "/").items()]
    there = run.data.params
    params = [
        Param(name, str(value)) for name, value in flat(results.params, ".").items() if there.get(name) != str(value)
    ]
    tags = [
        RunTag(DATA, results.data["digest"]),
        RunTag(FINGERPRINT_FACTS, json.dumps(training.fingerprint)),
    ]
    run_id = run.info.run_id
    client.log_batch(run_id, metrics=metrics, tags=tags)
    for start in range(0, len(params), _PARAMS):
        client.log_batch(run_id, params=params[start : start + _PARAMS])
    _log_data(client, run_id, results.data)
    for path, text in results.files().items():
        client.log_text(run_id, text, path)


def _log_data(client: "MlflowClient", run: str, data: dict[str, Any]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=data["source"],
        digest=data["digest"],
        source_type="dvc",
        source=canonical_json({"dvc": "data.dvc", "digest": data["digest"]}),
        schema=json.dumps(data["schema"]),
        profile=json.dumps(data["profile"]),
    )
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
