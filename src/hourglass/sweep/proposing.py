"""Which settings to try next, and which trainings not to finish: Optuna's part.

A proposal follows from the trials before it and a seed alone. Optuna keeps nothing between two of them, so a sweep that
was killed goes on as if it hadn't been, and no file of ours is Optuna's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hourglass.errors import HourglassError
from hourglass.sweep.records import Trial
from hourglass.sweep.space import Choice, Dimension, Space

_EXTRA = "hourglass[sweep]"
#: Proposals that were all tried before, after which nothing new is expected.
_ATTEMPTS = 100
#: Complete trials before any is ended early.
_BEFORE_PRUNING = 5


class Proposal:
    """Settings to try.

    Parameters
    ----------
    settings : dict
        By dotted names.
    trial : optuna.trial.Trial
    """

    def __init__(self, settings: dict[str, Any], trial: Any) -> None:
        self.settings = settings
        self._trial = trial

    def report(self, epoch: int, monitor: float) -> None:
        """Tell how the training stands after an epoch."""
        self._trial.report(monitor, epoch)

    def hopeless(self) -> bool:
        """Tell whether its best monitor is worse than the median of complete trainings at the last epoch told of."""
        return bool(self._trial.should_prune())


def propose(space: Space, trials: Sequence[Trial], *, seed: int, larger_is_better: bool) -> Proposal | None:
    """Propose settings that weren't tried.

    By a tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"), or at
    random where that repeats itself, as it does once few settings are left.

    Parameters
    ----------
    space : dict of str to Choice or Range
    trials : sequence of Trial
        All before, in their order.
    seed : int
    larger_is_better : bool

    Returns
    -------
    Proposal or None
        None where a hundred proposals were all tried before.
    """
    optuna = _optuna()
    distributions = {key: _distribution(dimension) for key, dimension in space.items()}
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING)
    study = optuna.create_study(study_name="sweep", pruner=pruner)
    for trial in trials:
        if all(dimension.holds(trial.settings[key]) for key, dimension in space.items()):
            study.add_trial(_as_optunas(space, trial, distributions, -1 if larger_is_better else 1))
    for attempt in range(_ATTEMPTS):
        sampler = optuna.samplers.TPESampler if attempt == 0 else optuna.samplers.RandomSampler
        study.sampler = sampler(seed=_seed(seed, len(trials), attempt))
        asked = study.ask(distributions)
        settings = {key: _value(space[key], asked.params[key]) for key in space}
        if all(settings != trial.settings for trial in trials):
            return Proposal(settings, asked)
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
    return None


def version() -> str:
    """Give Optuna's version: another may propose other settings."""
    return str(_optuna().__version__)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as missing:
        raise HourglassError(f"a sweep needs the package optuna; run `pip install '{_EXTRA}'`.") from missing
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _seed(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def _distribution(dimension: Dimension) -> Any:
    """Give what Optuna draws from; a choice by its place, for a value may be a list."""
    optuna = _optuna()
    if isinstance(dimension, Choice):
        return optuna.distributions.CategoricalDistribution(range(len(dimension.values)))
    kind = optuna.distributions.IntDistribution if dimension.whole else optuna.distributions.FloatDistribution
    return kind(dimension.low, dimension.high, log=dimension.log)


def _value(dimension: Dimension, drawn: Any) -> Any:
    return dimension.values[drawn] if isinstance(dimension, Choice) else dimension.rounded(drawn)


def _drawn(dimension: Dimension, value: Any) -> Any:
    return dimension.values.index(value) if isinstance(dimension, Choice) else value


def _as_optunas(space: Space, trial: Trial, distributions: dict[str, Any], sign: int) -> Any:
    """Tell a trial as Optuna has them; a failed one as pruned before its first epoch, the worst that there is."""
    optuna = _optuna()
    complete = trial.state == "complete"
    told = {} if trial.state == "failed" else dict(enumerate(trial.monitor, 1))
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if complete else optuna.trial.TrialState.PRUNED,
        value=sign * trial.value if complete and trial.value is not None else None,
        params={key: _drawn(space[key], trial.settings[key]) for key in space},
        distributions=distributions,
        intermediate_values=told,
    )
