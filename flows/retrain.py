"""The retrain flow: snapshot, the stages of ``dvc.yaml``, MLflow, the gate, the report.

Run it with ``hourglass run`` or ``python -m flows.retrain``. DVC decides what has to run; this only runs it.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from threading import BoundedSemaphore, Thread
from typing import Any

from prefect import flow, get_run_logger, tags, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.exceptions import FailedRun
from prefect.futures import PrefectFuture
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.transactions import Transaction, transaction

from flows import server
from flows.holding import held, part_of
from hourglass import children, dvc_lock, dvc_repo, outputs, pipeline, slots
from hourglass import params as settings
from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.locks import locked
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.standing import Standing, Verdict, Version
from hourglass.stages import snapshot as snapshots

# DVC is the cache; Prefect keeps nothing of its own
_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}
_RETRIED: dict[str, Any] = _STEP | {"retries": 2, "retry_delay_seconds": 5, "retry_jitter_factor": 0.5}


def _may_go_well_again(task: Any, run: Any, state: Any) -> bool:
    """Retry what was interrupted, never a mistake that somebody has to mend."""
    problem = state.result(raise_on_failure=False)
    return isinstance(problem, children.CommandInterruptedError) or not isinstance(problem, HourglassError)


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Parameters
    ----------
    stages : int
        How many stages ran.
    verdict : Verdict or None
        The gate's; None where no variant could be registered.
    standing : Standing
    report : str
        Path of the rendered report.
    """

    stages: int
    verdict: Verdict | None
    standing: Standing
    report: str


@flow(name="retrain", persist_result=False, task_runner=ThreadPoolTaskRunner(max_workers=64))  # type: ignore[arg-type]
def retrain() -> Outcome | State[Any]:
    """Bring everything up to date with the data, the settings and the code; where nothing changed, do nothing.

    A mistake that somebody has to mend ends the run as failed, with one sentence for its message.
    """
    project = Project.find()
    try:
        with locked(project, "the retrain flow"), _untagged():
            outcome = _retrain(project)
    except HourglassError as problem:
        return Failed(message=str(problem))
    _tell(outcome)
    return outcome


def _retrain(project: Project) -> Outcome:
    mended = dvc_lock.mend(project)
    if mended is not None:
        get_run_logger().warning(mended)
    params = settings.load(project.params_file)
    count = _run_graph(project, params)
    get_run_logger().info("%d stages ran", count)
    standing, verdict, problem = Standing(params.registry.name), None, None
    try:
        track(project, params)
        verdict = _promote(project, params)
        standing = stand(project, params)
    except HourglassError as unreachable:
        problem = unreachable
    report = render(project, params, None if problem else standing)
    if snapshots.has_remote(project):
        push(project)
    if problem:
        raise problem
    return Outcome(count, verdict, standing, report)


def _run_graph(project: Project, params: Params) -> int:
    """Run one task per node of DVC's graph, along its edges; give how many stages ran."""
    local = BoundedSemaphore(params.run.slots)
    futures: dict[str, PrefectFuture[bool]] = {}
    for stage in pipeline.stages(project):
        above = [futures[name] for name in stage.upstream]
        if stage.name == snapshots.DATA_STAGE:
            futures[stage.name] = snapshot.submit(project, params)
        else:
            named = run_stage.with_options(name=stage.name)
            futures[stage.name] = named.submit(project, params, stage.name, local, return_state=False, wait_for=above)
    states = [future.state for future in futures.values() if future.wait() is None]
    problems = [state.result(raise_on_failure=False) for state in states if state.is_failed() or state.is_crashed()]
    if problems:  # what waited for these never started
        raise problems[0]
    return sum(future.result() for future in futures.values())


@task(**_RETRIED, retry_condition_fn=_may_go_well_again)
def snapshot(project: Project, params: Params) -> bool:
    """Make sure that ``data/`` is what ``data.dvc`` says; that is no stage."""
    get_run_logger().info(snapshots.ensure(project, params))
    return False


@task(**_RETRIED, retry_condition_fn=_may_go_well_again)
def run_stage(project: Project, params: Params, stage: str, local: BoundedSemaphore) -> bool:
    """Have DVC run a stage if its inputs changed; tell whether it ran (and didn't come from DVC's cache)."""
    if not pipeline.changed(project, stage):
        return False
    log = get_run_logger()
    gpu = stage.startswith("train@") and params.train.device != "cpu"
    with local, held(slots.gpus() if gpu else (), params.train.devices) as environment:
        return pipeline.reproduce(project, stage, lambda line: log.info("%s", line), environment)


@task(**_RETRIED, retry_condition_fn=_may_go_well_again)
def push(project: Project) -> None:
    """Send what the DVC remote doesn't have."""
    dvc_repo.run(project, ["push", "--quiet", "--run-cache"])


@task(**_STEP)
def track(project: Project, params: Params) -> None:
    """Complete the MLflow runs."""
    from hourglass.registry import ledger

    ledger.track(project, params)


@task(**_STEP)
def register(project: Project, params: Params) -> Version | None:
    """Register the best variant's package."""
    from hourglass.registry import ledger

    registered = ledger.register(project, params)
    if registered is None:
        get_run_logger().error("no variant passed its guards; nothing is registered")
        return None
    version, new = registered
    get_run_logger().info("%s is %s", version.uri, "registered" if new else "registered already")
    return version


@task(**_STEP)
def gate(project: Project, params: Params, version: Version) -> Verdict:
    """Hold the version against the champion; one that would take its place has to score first."""
    from hourglass.registry import judge, promotion

    verdict = judge.judge(project, params, version)
    get_run_logger().info(verdict.sentence)
    if verdict.promote:
        promotion.smoke_test(project, version.uri)
    return verdict


@task(**_STEP)
def promote(project: Project, verdict: Verdict) -> None:
    """Move the aliases."""
    from hourglass.registry import history, promotion

    promotion.make_champion(project, verdict, by=history.FLOW)


@task(**_STEP)
def smoke_test(project: Project, name: str) -> None:
    """Load the champion and score with it, as consumers do."""
    from hourglass.registry import promotion

    promotion.smoke_test(project, f"models:/{name}@champion")


def _promote(project: Project, params: Params) -> Verdict | None:
    """Register, judge and promote; a champion that can't score is taken back."""
    from hourglass.registry import promotion

    version = register(project, params)
    if version is None:
        return None
    with promotion.deciding(project, version.name):
        verdict = gate(project, params, version)
        if verdict.promote:
            _make_champion(project, verdict)
        else:
            promotion.refuse(project, verdict)
    return verdict


def _make_champion(project: Project, verdict: Verdict) -> None:
    from hourglass.registry import promotion

    name = verdict.version.name

    @promote.on_rollback
    def take_back(_: Transaction) -> None:
        promotion.take_back(project, name, "the log of the flow's run has the reason")

    with transaction():
        promote(project, verdict)
        smoke_test(project, name)
    promotion.complete(project, name)


@task(**_STEP)
def stand(project: Project, params: Params) -> Standing:
    """Ask where the registered name stands now."""
    from hourglass.registry import ledger

    return ledger.standing(project, params)


@task(**_STEP)
def render(project: Project, params: Params, standing: Standing | None) -> str:
    """Render the report; leave the leaderboard and a link with Prefect."""
    from hourglass.report.render import render as render_report

    report = render_report(project, params, standing)
    create_table_artifact(_leaderboard(project), key="leaderboard", description="Variants, best first, on selection")
    create_link_artifact(report.as_uri(), link_text="report", key="report")
    return str(report)


def _leaderboard(project: Project) -> list[dict[str, Any]]:
    found = read_json(project.comparison / outputs.LEADERBOARD)
    rows = []
    for variant in [*found["ranking"], *found["refused"]]:
        measured = read_json(project.comparison / outputs.METRICS / f"{variant}.json")
        refused = "; ".join(found["refused"].get(variant, ()))
        rows.append({"variant": variant, **measured["selection"], "refused": refused})
    return rows


def main() -> None:
    """Run the flow and say what came out.

    Raises
    ------
    HourglassError
        A stage failed, or MLflow or Prefect can't be reached.
    """
    project = Project.find()
    params = _check_settings(project)
    server.require(meanwhile=Thread(target=_import_ahead, daemon=True).start)
    with tags(*_tags(params)):
        state: State[Any] = retrain(return_state=True)
    if not state.is_completed():
        problem = state.result(raise_on_failure=False)
        told = isinstance(problem, BaseException) and not isinstance(problem, FailedRun)
        raise problem if told else HourglassError(state.message)


def _tell(outcome: Outcome) -> None:
    """Say what came out; here, for a server that answered late gives the run's state back without its result."""
    champion = outcome.standing.champion
    print(f"\n{outcome.stages} stage{'' if outcome.stages == 1 else 's'} ran.")  # noqa: T201
    if outcome.verdict is not None:
        print(f"Gate: {outcome.verdict.sentence}.")  # noqa: T201
    if champion is not None:
        print(f"Champion: {champion.uri} ({champion.variant}, {champion.metric} {champion.value:.4f} on selection).")  # noqa: T201
    print(f"Report: {outcome.report}", flush=True)  # noqa: T201


def _tags(params: Params) -> list[str]:
    """Name what a run belongs to: the automations of `hourglass deploy` and a scheduled run find it by that."""
    return [params.registry.name, *([f"part-of:{part_of()}"] if part_of() else [])]


def _untagged() -> TagsContext:
    """Keep the run's tags from its tasks: Prefect would ask its server for limits on each tag before each task."""
    return TagsContext(current_tags=set())


def _import_ahead() -> None:
    """Import what every run needs, in the seconds in which this process waits for Prefect's temporary server."""
    for module in ("dvc.repo.reproduce", "mlflow.store.tracking.sqlalchemy_store", "hourglass.report.render"):
        import_module(module)


def _check_settings(project: Project) -> Params:
    """Read the settings; refuse a wrong one before anything starts, except what was trained with before."""
    params = settings.load(project.params_file)
    try:
        trained = {variant: pipeline.locked_inputs(project, f"train@{variant}") for variant in params.variants}
    except dvc_lock.DamagedLockError:  # the flow mends it
        trained = dict.fromkeys(params.variants)
    if any(found is None or found["params"].get(name) != params.sections[name] for name, found in trained.items()):
        params.check()
    return params


if __name__ == "__main__":
    try:
        main()
    except HourglassError as problem:
        sys.exit(f"{children.ERROR_PREFIX}{problem}")
