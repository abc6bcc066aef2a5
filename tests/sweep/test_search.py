"""A sweep of real trainings on a small table."""

import json
import shutil
import sys
from contextlib import chdir

import pytest
from ruamel.yaml import YAML

from hourglass import params, unpickling
from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.outputs import EVALUATION, MODEL
from hourglass.project import Project
from hourglass.stages import evaluate, package, train
from hourglass.sweep import search, trying
from hourglass.sweep.records import TRIALS
from hourglass.training.checkpoint import Checkpoint
from tests.sweep.conftest import SMALL, swept

pytest.importorskip("optuna", reason="the extra `sweep` isn't installed")


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.fixture(scope="module")
def whole(made: Project, tmp_path_factory: pytest.TempPathFactory) -> search.Sweep:
    """An uninterrupted sweep."""
    project = Project(made.root, tmp_path_factory.mktemp("home"))
    with unpickling.refused():
        return search.sweep(project, params.load(made.params_file))


def records_of(sweep: search.Sweep) -> str:
    return (sweep.records.folder / TRIALS).read_text(encoding="utf-8")


def test_the_first_trial_has_the_present_settings_and_is_what_train_makes_of_them(whole, made, loaded):
    with chdir(made.root):
        train.run(made, loaded, "autoencoder")
    (course,) = read_json(made.output("train", "autoencoder") / MODEL)["courses"]
    first = whole.trials[0]
    assert first.settings == {"autoencoder.hidden": [16], "autoencoder.latent": 4, "train.lr": 3e-3}
    assert (first.value, len(first.monitor)) == (course["best"], course["epoch"])


def test_train_reaches_the_best_trial_bit_for_bit(whole, made, project, loaded):
    best = whole.best
    assert best.number > 0
    assert best.value == min(trial.value for trial in whole.trials if trial.value is not None)
    with chdir(made.root):
        train.run(project, loaded.with_settings(best.settings), "autoencoder")
    (course,) = read_json(made.output("train", "autoencoder") / MODEL)["courses"]
    assert course["best"] == best.value


def test_trials_are_distinct_and_within_the_space(whole):
    assert len(whole.trials) == 8
    assert len({json.dumps(trial.settings) for trial in whole.trials}) == 8
    for trial in whole.trials[1:]:
        assert trial.settings["autoencoder.hidden"] in ([16], [24, 16])
        assert trial.settings["autoencoder.latent"] in (2, 4)
        assert 1e-4 <= trial.settings["train.lr"] <= 1e-2


@pytest.mark.parametrize(("trial", "epoch"), [(0, 3), (6, 1), (6, 3)])
def test_a_killed_sweep_goes_on_in_the_midst_of_a_training_as_if_it_had_not_been(
    whole, project, loaded, monkeypatch, trial, epoch
):
    fit = trying.fit

    def dying(*given, on_epoch, folder, **named):
        def told(record):
            on_epoch(record)
            if folder.name == f"trial-{trial}" and record["epoch"] == epoch:
                raise Killed

        return fit(*given, on_epoch=told, folder=folder, **named)

    monkeypatch.setattr(trying, "fit", dying)
    with pytest.raises(Killed):
        search.sweep(project, loaded)
    trained = []

    def watched(*given, on_epoch, folder, **named):
        def told(record):
            trained.append((folder.name, record["epoch"]))
            on_epoch(record)

        return fit(*given, on_epoch=told, folder=folder, **named)

    monkeypatch.setattr(trying, "fit", watched)
    resumed = search.sweep(project, loaded)
    assert trained[0] == (f"trial-{trial}", epoch)
    assert records_of(resumed) == records_of(whole)
    assert not list(resumed.records.folder.glob("trial-*"))


def test_a_sweep_killed_after_the_last_epoch_of_a_training_knows_all_of_it(whole, project, loaded, monkeypatch):
    def killed(checkpoint):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "clear", killed)
        with pytest.raises(Killed):
            search.sweep(project, loaded, trials=1)
    resumed = search.sweep(project, loaded, trials=1)
    assert resumed.trials == whole.trials[:1]


def test_a_finished_sweep_trains_nothing_and_a_longer_one_adds_to_it(project, loaded, monkeypatch):
    search.sweep(project, loaded, trials=2)
    told = []
    search.sweep(project, loaded, trials=2, on_trial=told.append)
    assert told == []
    longer = search.sweep(project, loaded, trials=3, on_trial=told.append)
    assert [len(one.trials) for one in told] == [3]
    assert [trial.number for trial in longer.trials] == [0, 1, 2]


def test_another_space_or_pruning_begins_anew(project, loaded):
    others = [
        swept(loaded, space=loaded.sweep.space | {"autoencoder.latent": [2, 4, 6]}),
        swept(loaded, prune=False),
    ]
    assert len({search.sweep(project, one, trials=1).name for one in (loaded, *others)}) == 3


@pytest.mark.parametrize("changed", [{"seed": 1}, {"train": SMALL["train"] | {"epochs": 1}}], ids=str)
def test_another_seed_or_loop_begins_anew(project, loaded, tmp_path, changed):
    other = Project(tmp_path / "project", project.home)
    shutil.copytree(project.root, other.root)
    YAML().dump(SMALL | changed, other.params_file)
    (before, after) = (search.sweep(one, params.load(one.params_file), trials=1).name for one in (project, other))
    assert before != after


def test_what_fails_is_a_trial_too_and_the_sweep_goes_on(project, loaded):
    failing = swept(loaded, space={"autoencoder.hidden": [[16], [8], [4]], "autoencoder.normalisation": ["batch"]})
    few = failing.with_settings({"train.batch": 1, "train.epochs": 1})
    sweep = search.sweep(project, few, trials=4)
    assert [trial.state for trial in sweep.trials] == ["complete", "failed", "failed", "failed"]
    assert "needs at least" in sweep.trials[1].problem
    assert sweep.best.number == 0


def test_settings_that_do_not_go_together_are_a_failed_trial(project, loaded):
    shares = {"train.freeze_encoder": [0.0, 0.5], "train.freeze_decoder": [0.0, 0.5]}
    sweep = search.sweep(project, swept(loaded, space=shares).with_settings({"train.epochs": 1}), trials=4)
    (failed,) = (trial for trial in sweep.trials if trial.state == "failed")
    assert set(failed.settings.values()) == {0.5}
    assert "so the first steps would move nothing" in failed.problem


def test_a_sweep_without_a_complete_training_says_why(project, loaded):
    broken = loaded.with_settings({"train.batch": 1, "autoencoder.normalisation": "batch"})
    sweep = search.sweep(project, broken, trials=2)
    with pytest.raises(HourglassError, match=r"^every training of the sweep failed; the first one: batch norm"):
        sweep.best  # noqa: B018


def test_hopeless_trainings_end_early_and_are_never_the_best(project, loaded):
    wide = swept(loaded, space={"train.lr": {"low": 1e-6, "high": 1e-2, "log": True}})
    sweep = search.sweep(project, wide, trials=14)
    pruned = [trial for trial in sweep.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.value is None and len(trial.monitor) < 6 for trial in pruned)
    assert min(trial.number for trial in pruned) >= 5


def test_a_sweep_ends_when_no_settings_are_left(project, loaded):
    small = swept(loaded, space={"autoencoder.latent": [2, 4, 6]})
    sweep = search.sweep(project, small.with_settings({"train.epochs": 1}), trials=10)
    assert sorted(trial.settings["autoencoder.latent"] for trial in sweep.trials) == [2, 4, 6]


@pytest.mark.long
def test_chosen_by_selection_a_trial_has_the_number_of_evaluate(made, project, loaded):
    chosen = swept(loaded, metric="select", space={"autoencoder.likelihood": ["mse", "gaussian"]})
    sweep = search.sweep(project, chosen, trials=2)
    assert (sweep.about.metric, sweep.about.larger_is_better) == ("auroc", True)
    last = sweep.trials[1]
    changed = loaded.with_settings(last.settings)
    with chdir(made.root):
        for stage in (train, package, evaluate):
            stage.run(project, changed, "autoencoder")
    found = read_json(made.output("evaluate", "autoencoder") / EVALUATION)
    assert last.value == found["selection"]["model"]["auroc"]


def test_a_width_that_training_chooses_is_refused(project, loaded):
    with pytest.raises(HourglassError, match=r"^params\.yaml: autoencoder\.latent is 'auto', a search of its own"):
        search.sweep(project, loaded.with_settings({"autoencoder.latent": "auto"}))


def test_without_optuna_a_sentence_says_how_to_install_it(project, loaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(HourglassError, match=r"^a sweep needs the package optuna; run `pip install"):
        search.sweep(project, loaded)
