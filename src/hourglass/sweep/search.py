"""``hourglass sweep``: trial after trial, in this process, on rows that are read once."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hourglass import pipeline, unpickling
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation.compare import LARGER_IS_BETTER
from hourglass.files import digest, sha256_of
from hourglass.locks import locked
from hourglass.params import Params
from hourglass.project import Project
from hourglass.settings import AUTO
from hourglass.stages import snapshot
from hourglass.stages.inputs import Inputs
from hourglass.sweep import proposing, space
from hourglass.sweep.records import About, Records, Trial, best, folder_of
from hourglass.sweep.space import Space
from hourglass.sweep.trying import MONITOR, Bench
from hourglass.training import devices

_SOURCE = Path(__file__).parents[1]
#: Code that decides which settings are tried, and, where packages are measured, what comes of them.
_SWEEP, _MEASURE = ("sweep",), ("evaluation", "registry", "runtime")


@dataclass(frozen=True)
class Sweep:
    """A sweep and what it came to so far.

    Parameters
    ----------
    about : About
    records : Records
    trials : tuple of Trial
    """

    about: About
    records: Records
    trials: tuple[Trial, ...]

    @property
    def name(self) -> str:
        """What it is found by."""
        return self.records.folder.name

    @property
    def best(self) -> Trial:
        """The best trial.

        Raises
        ------
        HourglassError
            Every training failed.
        """
        found = best(self.trials, larger_is_better=self.about.larger_is_better)
        if found is None:
            raise HourglassError(f"every training of the sweep failed; the first one: {self.trials[0].problem}")
        return found


def sweep(
    project: Project,
    params: Params,
    variant: str | None = None,
    *,
    trials: int | None = None,
    on_trial: Callable[[Sweep], object] = lambda sweep: None,  # noqa: ARG005
    on_line: Callable[[str], object] = lambda line: None,  # noqa: ARG005
) -> Sweep:
    """Train a variant under many settings.

    The first trial has the settings of ``params.yaml``. A sweep that was killed goes on, in the midst of a training;
    one with other data, code, settings or space begins anew; one that has all its trials does nothing.

    Parameters
    ----------
    project : Project
    params : Params
    variant : str, optional
        By default the only one that ``sweep.space`` or ``variants`` names.
    trials : int, optional
        By default ``sweep.trials``.
    on_trial : callable
        Called with the sweep after each trial.
    on_line : callable
        Called with each line that is said while the data set is made.

    Raises
    ------
    HourglassError
        The space is wrong, the data set can't be made, or Optuna isn't installed.
    """
    variant = space.variant_of(params, variant)
    swept = space.read(params, variant)
    _require_width(params, variant)
    optuna = proposing.version()
    _make_dataset(project, params, on_line)
    with unpickling.refused():
        dataset = Dataset(project.dataset)
        metric = _metric(params, dataset)
    device = devices.resolve(params.train.device)
    devices.configure(params.train)
    about = _about(project, params, variant, swept, metric)
    about.inputs.update(optuna=optuna, fingerprint=devices.fingerprint(device, params.train.threads))
    records = Records(folder_of(project) / f"{variant}-{digest(asdict(about))[:8]}")
    count = trials or params.sweep.trials
    with locked(project, str(records.folder)):
        records.begin(about)
        begun = Sweep(about, records, tuple(records.trials))
        if len(begun.trials) >= count:
            return begun
        with unpickling.refused():
            bench = Bench(variant, Inputs.of(dataset, device, params.data.memory), dataset, device, metric)
        return _search(begun, params, swept, bench, count, on_trial)


def _search(
    sweep: Sweep, params: Params, swept: Space, bench: Bench, count: int, on_trial: Callable[[Sweep], object]
) -> Sweep:
    """Add trials until there are enough, or no settings are left that weren't tried."""
    prune = params.sweep.prune and bench.metric == MONITOR
    while (number := len(sweep.trials)) < count:
        settings, proposal = space.present(params, bench.variant, swept), None
        if number:
            proposal = proposing.propose(
                swept, sweep.trials, seed=params.seed, larger_is_better=sweep.about.larger_is_better
            )
            if proposal is None:
                break
            settings = proposal.settings
        result = bench.train(params, settings, sweep.records.work(number), proposal if prune else None)
        trial = Trial(number, settings, **vars(result))
        sweep.records.add(trial)
        sweep = replace(sweep, trials=(*sweep.trials, trial))
        on_trial(sweep)
    return sweep


def _make_dataset(project: Project, params: Params, on_line: Callable[[str], object]) -> None:
    """Bring the data set up to date, as the retrain flow would."""
    on_line(snapshot.ensure(project, params))
    if pipeline.changed(project, "ingest"):
        pipeline.reproduce(project, "ingest", on_line)


def _require_width(params: Params, variant: str) -> None:
    if params.settings_of(variant)["latent"] == AUTO:
        raise HourglassError(
            f"params.yaml: {variant}.latent is {AUTO!r}, a search of its own in each training; give it a number, also "
            f"where sweep.space sets {variant}.latent: the first trial has it."
        )


def _metric(params: Params, dataset: Dataset) -> str:
    """Name what the sweep chooses by; see `compare.rank`."""
    if params.sweep.metric == MONITOR:
        return MONITOR
    if params.select.metric != "auto":
        return params.select.metric
    anomalies = dataset.info["counts"]["selection"]["anomalies"]
    return "auroc" if anomalies else "relative_error"


def _about(project: Project, params: Params, variant: str, swept: Space, metric: str) -> About:
    """Say what a sweep is of: everything that its results follow from, but for the machine."""
    inputs = pipeline.inputs(project, f"train@{variant}")
    dataset = inputs["deps"].pop("work/dataset")
    inputs |= {"prune": params.sweep.prune, "code": _code(_SWEEP if metric == MONITOR else _SWEEP + _MEASURE)}
    if metric != MONITOR:
        inputs["measure"] = {part: _dumped(params, part) for part in ("anomaly", "evaluate")}
    given = {key: params.sweep.space[key] for key in swept}
    return About(variant, metric, LARGER_IS_BETTER.get(metric, False), given, dataset, inputs)


def _dumped(params: Params, part: str) -> Any:
    return getattr(params, part).model_dump(mode="json")


def _code(parts: tuple[str, ...]) -> str:
    files = sorted(path for part in parts for path in (_SOURCE / part).rglob("*.py"))
    return digest({path.relative_to(_SOURCE).as_posix(): sha256_of(path) for path in files})
