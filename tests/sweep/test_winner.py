"""The best settings become an experiment of DVC."""

from pathlib import Path

import pytest

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.sweep import winner
from hourglass.sweep.records import About, Records, Trial
from hourglass.sweep.search import Sweep
from tests.repository import git

ABOUT = About("vae", "monitor", False, {}, "data", {"params": {"train": {"lr": 1e-3}, "vae": {"latent": 8}}})
PRESENT = {"train.lr": 1e-3, "vae.hidden": None, "vae.activation": "silu"}
BETTER = {"train.lr": 1e-05, "vae.hidden": [16, 8], "vae.activation": "gelu"}


def swept(tmp_path: Path, *values: float | None, settings=BETTER) -> Sweep:
    trials = [
        Trial(number, settings if number else PRESENT, "failed" if value is None else "complete", value, [1.0, 2.0])
        for number, value in enumerate(values)
    ]
    return Sweep(ABOUT, Records(tmp_path / "vae-12345678"), tuple(trials))


def test_dvc_is_told_the_best_settings_with_a_plus_for_those_that_the_file_lacks(tmp_path):
    command = winner.command(swept(tmp_path, 2.0, 1.0))
    assert command[:5] == ["exp", "run", "--temp", "--name", "vae-12345678-trial-1"]
    assert command[6::2] == ["train.lr=1e-05", "+vae.hidden=[16,8]", "+vae.activation=gelu"]


def test_present_settings_that_did_best_are_left_as_they_are(tmp_path):
    project = Project(tmp_path, tmp_path)
    said = winner.make_experiment(project, swept(tmp_path, 1.0, 1.0), pytest.fail)
    assert said == "The settings of params.yaml did best, so there is nothing to change."


def test_without_git_the_settings_are_told(tmp_path):
    said = winner.make_experiment(Project(tmp_path, tmp_path), swept(tmp_path, 2.0, 1.0), pytest.fail)
    assert said == (
        "Without git DVC has no experiments; set train.lr 1e-05, vae.hidden [16, 8], vae.activation gelu in "
        "params.yaml and run `dvc repro`."
    )


def test_an_experiment_that_is_there_is_not_run_again(tmp_path):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "start")
    git(tmp_path, "update-ref", "refs/exps/ab/cdef/vae-12345678-trial-1", "HEAD")
    said = winner.make_experiment(Project(tmp_path, tmp_path), swept(tmp_path, 2.0, 1.0), pytest.fail)
    assert said.startswith("The experiment vae-12345678-trial-1 is there already; `dvc exp apply")


def test_each_trial_is_a_line(tmp_path):
    settings = {"vae.latent": 4}
    done = swept(tmp_path, 2.0, None, 1.25, settings=settings)
    assert winner.line(done) == "trial 2: vae.latent 4: monitor 1.25 after 2 epochs (best so far: trial 2)"
    failed = Sweep(ABOUT, done.records, (Trial(0, settings, "failed", problem="it diverged"),))
    assert winner.line(failed) == "trial 0: vae.latent 4: failed: it diverged"
    with pytest.raises(HourglassError, match="every training of the sweep failed; the first one: it diverged"):
        winner.summary(failed)
    pruned = Sweep(ABOUT, done.records, (*done.trials, Trial(3, settings, "pruned", monitor=[3.0])))
    assert winner.line(pruned).startswith("trial 3: vae.latent 4: ended after 1 epoch, worse than most")


def test_the_summary_names_the_best_and_the_command_for_a_shell(tmp_path):
    said = winner.summary(swept(tmp_path, 2.0, 1.0))
    assert said.startswith("2 trials; best is trial 1: train.lr 1e-05, vae.hidden [16, 8], vae.activation gelu: ")
    assert said.endswith("--set-param '+vae.hidden=[16,8]' --set-param +vae.activation=gelu")
