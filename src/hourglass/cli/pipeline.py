"""The commands that run the flow, its stages, and its schedule."""

from typing import Annotated, Any

import typer

from hourglass.cli.app import app, load_project, run_flow
from hourglass.errors import HourglassError
from hourglass.project import Project

_VARIANT = Annotated[str, typer.Argument(help="one of those that `variants` in params.yaml lists")]


@app.command(rich_help_panel="Pipeline")
def run() -> None:
    """Run the retrain flow: snapshot, the stages that changed, MLflow, the gate, the report.

    A second run does only what changed since. A run that was killed goes on where it stopped.
    """
    run_flow("retrain")


@app.command(rich_help_panel="Schedule")
def deploy() -> None:
    """Register the scheduled retraining (params.yaml: schedule) with the Prefect server of PREFECT_API_URL.

    With it come the deployed scoring, monitoring and sweep. Nothing runs yet: `hourglass serve` works for all of them.
    """
    run_flow("deploy", "deploy")


@app.command(rich_help_panel="Schedule")
def serve() -> None:
    """Deploy, then work: run what is scheduled on this machine until interrupted."""
    run_flow("deploy", "serve")


@app.command(rich_help_panel="Pipeline")
def ingest() -> None:
    """Stage: split, encode and measure the raw snapshot.

    DVC runs the stages, by `dvc repro` or `hourglass run`. One that is run by hand leaves dvc.lock as it is.
    """
    from hourglass.stages import ingest as stage

    stage.run(*load_project())


@app.command(rich_help_panel="Pipeline")
def train(
    variant: _VARIANT,
    profile: Annotated[
        bool, typer.Option("--profile", help="train nothing; tell where the time of a step goes")
    ] = False,
) -> None:
    """Stage: train a variant into work/train; a killed training goes on from its checkpoint."""
    project, params = _load_for(variant)
    if profile:
        from hourglass.stages.profile import profile_step

        return _say(profile_step(project, params, variant))
    from hourglass.stages import train as stage

    return stage.run(project, params, variant)


@app.command(rich_help_panel="Pipeline")
def sweep(
    variant: Annotated[
        str | None, typer.Argument(help="by default the only one that sweep.space or `variants` names")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="by default sweep.trials; more than before adds some")
    ] = None,
    experiment: Annotated[bool, typer.Option(help="have DVC run the pipeline under the best settings")] = True,
) -> None:
    """Find better settings: train under many, then make the best a DVC experiment.

    What may be set is written in params.yaml: `sweep: {space: {vae.latent: [4, 8, 16], train.lr: {low: 1e-4, high:
    1e-2, log: true}}}`. The first trial has the settings that stand there. A killed sweep goes on where it stopped.
    """
    from hourglass.sweep import search, winner

    project, params = load_project()
    done = search.sweep(
        project, params, variant, trials=trials, on_trial=lambda so_far: _say(winner.line(so_far)), on_line=_say
    )
    _say(winner.summary(done))
    if experiment:
        _say(winner.make_experiment(project, done, _say))


@app.command(rich_help_panel="Pipeline")
def package(variant: _VARIANT) -> None:
    """Stage: make the folder that is registered (ONNX graphs, threshold, runtime), in work/package."""
    from hourglass.stages import package as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel="Pipeline")
def evaluate(variant: _VARIANT) -> None:
    """Stage: measure a package on the splits selection and test."""
    from hourglass.stages import evaluate as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel="Pipeline")
def compare() -> None:
    """Stage: rank the variants by what `evaluate` measured on selection."""
    from hourglass.stages import compare as stage

    stage.run(*load_project())


def _load_for(variant: str) -> tuple[Project, Any]:
    project, loaded = load_project()
    if variant not in loaded.variants:
        raise HourglassError(f"{variant!r} is not among the variants of params.yaml: {', '.join(loaded.variants)}.")
    return project, loaded


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
