"""What is written to MLflow after the stages ran: their results, and the best package.

Everything here is done once however often it is called.
"""

from typing import Any

from hourglass import outputs, pipeline
from hourglass.errors import HourglassError
from hourglass.files import canonical_json, read_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import store, tracking, versions
from hourglass.registry.standing import Standing, Version


def track(project: Project, params: Params) -> dict[str, str]:
    """Complete the MLflow run of every variant, after a run, a restore from DVC's cache or an outage.

    Returns
    -------
    dict of str to str
        Run ids by variant.

    Raises
    ------
    HourglassError
        A stage hasn't run, or the store can't be reached.
    """
    client = store.connect(project)
    return {
        variant: tracking.complete(
            project,
            client,
            params.registry.name,
            _training(project, variant),
            project.output("train", variant) / outputs.EPOCHS,
            _results(project, params, variant),
        )
        for variant in params.variants
    }


def register(project: Project, params: Params) -> tuple[Version, bool] | None:
    """Register the winner of the comparison.

    Returns
    -------
    Version and bool, or None
        The version, and whether it is new; None where every variant was refused.

    Raises
    ------
    HourglassError
        The outputs of the stages are not those of ``params.yaml`` and ``dvc.lock``.
    """
    leaderboard = read_json(project.comparison / outputs.LEADERBOARD)
    variant = leaderboard["winner"]
    if variant is None:
        return None
    for stage in ("ingest", *_stages_of(variant), "compare"):
        if pipeline.changed(project, stage):
            raise HourglassError(f"{stage} is not up to date; run `hourglass run` or `dvc repro` first.")
        pipeline.recorded_inputs(project, stage)
    metric = leaderboard["metric"]
    value = read_json(project.output("evaluate", variant) / outputs.EVALUATION)["selection"]["model"][metric]
    return versions.register(project, params, _training(project, variant), metric, value)


def standing(project: Project, params: Params) -> Standing:
    """Tell where the registered name stands, and what the tracked runs before the present ones measured."""
    client = store.connect(project)
    previous = {
        variant: tracking.previous_metrics(project, client, params.registry.name, _training(project, variant))
        for variant in params.variants
    }
    return versions.standing(project, params.registry.name, previous)


def _stages_of(variant: str) -> tuple[str, ...]:
    return tuple(f"{stage}@{variant}" for stage in ("train", "package", "evaluate"))


def _training(project: Project, variant: str) -> tracking.Training:
    recorded = pipeline.recorded_inputs(project, f"train@{variant}")
    trained = read_json(project.output("train", variant) / outputs.MODEL)
    return tracking.Training(variant, recorded, trained["fingerprint"])


def _results(project: Project, params: Params, variant: str) -> tracking.Results:
    def files() -> dict[str, str]:
        from hourglass.report.standalone import figures

        evaluation = read_json(project.output("evaluate", variant) / outputs.EVALUATION)
        return {outputs.EVALUATION: canonical_json(evaluation)} | figures(project, params, variant)

    for stage in ("ingest", *_stages_of(variant), "compare"):
        pipeline.recorded_inputs(project, stage)
    trained = read_json(project.output("train", variant) / outputs.MODEL)
    recorded = _training(project, variant).inputs["params"]
    measured = read_json(project.comparison / outputs.METRICS / f"{variant}.json")
    return tracking.Results(
        params=recorded | {variant: trained["settings"]},
        metrics={"best_epoch": measured.pop("validation"), **measured},
        data=_data(project, params),
        files=files,
    )


def _data(project: Project, params: Params) -> dict[str, Any]:
    """Describe the data set as MLflow's pages show one."""
    info = read_json(project.dataset / outputs.DATASET)
    schema = info["schema"]
    if schema["kind"] == "table":
        kinds = {"number": "double", "boolean": "boolean", "category": "string", "time": "datetime"}
        columns = [{"name": column["name"], "type": kinds[column["type"]]} for column in schema["columns"]]
        shown: dict[str, Any] = {"mlflow_colspec": columns}
    elif schema["kind"] == "signal":
        channels = [{"name": name, "type": "double"} for name in schema["columns"]]
        shown = {"mlflow_colspec": [{"name": schema["time"], "type": "datetime"}, *channels]}
    else:
        tensor = {"dtype": info["dtype"], "shape": [-1, *schema["raw_shape"]]}
        shown = {"mlflow_tensorspec": {"features": [{"type": "tensor", "tensor-spec": tensor}], "targets": None}}
    return {
        "digest": pipeline.ingested_data(project),
        "source": params.data.source,
        "schema": shown,
        "profile": {name: count["rows"] for name, count in info["counts"].items()},
    }
