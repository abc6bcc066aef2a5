"""The commands that run the flow, its stages, and its schedule."""

from typing import Any

from hourglass.cli.app import app, load_project, run_flow
from hourglass.errors import HourglassError
from hourglass.project import Project


@app.command(rich_help_panel="Pipeline")
def run() -> None:
    """Run the retrain flow: snapshot, the stages that changed, MLflow, the gate, the report."""
    run_flow("retrain")


@app.command(rich_help_panel="Schedule")
def deploy() -> None:
    """Register the scheduled retraining (params.yaml: schedule) with the Prefect server of PREFECT_API_URL."""
    run_flow("deploy", "deploy")


@app.command(rich_help_panel="Schedule")
def serve() -> None:
    """Deploy, then work: run what is scheduled on this machine until interrupted."""
    run_flow("deploy", "serve")


@app.command(rich_help_panel="Pipeline")
def ingest() -> None:
    """Stage: split, encode and measure the raw snapshot."""
    from hourglass.stages import ingest as stage

    stage.run(*load_project())


@app.command(rich_help_panel="Pipeline")
def train(variant: str) -> None:
    """Stage: train a variant; a killed training goes on from its checkpoint."""
    from hourglass.stages import train as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel="Pipeline")
def package(variant: str) -> None:
    """Stage: make the folder that is registered (ONNX graphs, threshold, runtime)."""
    from hourglass.stages import package as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel="Pipeline")
def evaluate(variant: str) -> None:
    """Stage: measure a package on selection and test."""
    from hourglass.stages import evaluate as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel="Pipeline")
def compare() -> None:
    """Stage: rank the variants."""
    from hourglass.stages import compare as stage

    stage.run(*load_project())


def _load_for(variant: str) -> tuple[Project, Any]:
    project, loaded = load_project()
    if variant not in loaded.variants:
        raise HourglassError(f"{variant!r} is not among the variants of params.yaml: {', '.join(loaded.variants)}.")
    return project, loaded
