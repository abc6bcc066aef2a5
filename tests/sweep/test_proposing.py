"""Proposals follow from the trials before and a seed."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.sweep import proposing
from hourglass.sweep.records import Trial
from hourglass.sweep.space import Choice, Range

pytest.importorskip("optuna", reason="the extra `sweep` isn't installed")

SPACE = {
    "a.kind": Choice(("x", None, [3, 4])),
    "a.width": Range(2, 64, log=True, whole=True),
    "train.lr": Range(1e-4, 1e-2, log=True, whole=False),
}


def proposed(space, trials, seed=0, *, larger_is_better=False):
    return proposing.propose(space, trials, seed=seed, larger_is_better=larger_is_better)


def played(space, value_of, count, seed=0, *, larger_is_better=False):
    """Run a sweep of a function of the settings."""
    trials = []
    for number in range(count):
        found = proposed(space, trials, seed, larger_is_better=larger_is_better)
        trials.append(Trial(number, found.settings, "complete", value_of(found.settings), [value_of(found.settings)]))
    return trials


def bowl(setting):
    return math.log10(setting["train.lr"] / 1e-3) ** 2 + (math.log2(setting["a.width"] / 16)) ** 2


@given(seed=st.integers(0, 2**63 - 1), count=st.integers(0, 14))
@settings(max_examples=15)
def test_the_same_trials_and_seed_give_the_same_proposal_within_the_space(seed, count):
    trials = played(SPACE, bowl, count, seed)
    first, second = proposed(SPACE, trials, seed), proposed(SPACE, trials, seed)
    assert first.settings == second.settings
    assert all(dimension.holds(first.settings[key]) for key, dimension in SPACE.items())


@pytest.mark.parametrize("larger_is_better", [False, True])
def test_proposals_close_in_on_the_best(larger_is_better):
    sign = -1 if larger_is_better else 1
    trials = played(SPACE, lambda one: sign * bowl(one), 40, larger_is_better=larger_is_better)
    early, late = ([abs(trial.value) for trial in part] for part in (trials[:10], trials[30:]))
    assert sum(late) < sum(early) / 3


def test_every_choice_is_proposed_once_and_then_none():
    space = {"a.kind": Choice((1, 2, 3)), "a.flag": Choice((True, False))}
    trials = played(space, lambda one: float(one["a.kind"]), 6)
    assert len({str(trial.settings) for trial in trials}) == 6
    assert proposed(space, trials) is None


def test_settings_outside_the_space_are_remembered_but_not_learned_from():
    inside = Trial(0, {"a.kind": 2}, "complete", 1.0, [1.0])
    outside = Trial(1, {"a.kind": 9}, "complete", 0.0, [0.0])
    found = proposed({"a.kind": Choice((1, 2))}, [inside, outside])
    assert found.settings == {"a.kind": 1}


LR = {"train.lr": Range(1e-4, 1e-2, log=True, whole=False)}


def with_monitors(monitors):
    return [
        Trial(number, {"train.lr": 1e-3 * (1 + number)}, "complete", min(monitor), monitor)
        for number, monitor in enumerate(monitors)
    ]


def test_a_training_is_hopeless_once_its_best_epoch_is_worse_than_the_median_of_others():
    found = proposed(LR, with_monitors([[9.0, 1.0], [9.0, 2.0], [9.0, 3.0], [9.0, 4.0], [9.0, 5.0]]))
    found.report(1, 8.0)
    assert not found.hopeless()
    found.report(2, 3.5)
    assert found.hopeless()


def test_no_training_is_hopeless_before_five_are_complete():
    found = proposed(LR, with_monitors([[1.0]] * 4))
    found.report(1, 100.0)
    assert not found.hopeless()


def test_failed_trainings_are_learned_from_as_the_worst():
    space = {"train.lr": Range(0.0, 1.0, log=False, whole=False)}
    draw = [(number + 0.5) / 30 for number in range(30)]
    trials = [
        Trial(number, {"train.lr": lr}, "failed", problem="diverged")
        if lr > 0.5
        else Trial(number, {"train.lr": lr}, "complete", 1.0, [1.0])
        for number, lr in enumerate(draw)
    ]
    found = [proposed(space, trials, seed).settings["train.lr"] for seed in range(10)]
    assert sum(lr > 0.5 for lr in found) <= 2
