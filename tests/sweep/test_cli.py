"""The command, as people type it."""

from contextlib import chdir

import pytest
from typer.testing import CliRunner

from hourglass.cli import app
from hourglass.project import Project


def sweep(project: Project, *arguments: str):
    with chdir(project.root):
        return CliRunner().invoke(app, ["sweep", *arguments])


def test_the_command_says_a_line_a_trial_and_what_to_do_with_the_best(made):
    pytest.importorskip("optuna", reason="the extra `sweep` isn't installed")
    done = sweep(made, "--trials", "2")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "data/ is as data.dvc says"
    assert lines[1].startswith("trial 0: autoencoder.hidden [16], autoencoder.latent 4, train.lr 0.003: monitor ")
    assert lines[3].startswith("2 trials; best is trial ")
    assert lines[-1].startswith(("Without git DVC has no experiments; set ", "The settings of params.yaml did best"))
    again = sweep(made, "--trials", "2", "--no-experiment").output.splitlines()
    assert [again[0], *again[1:]] == [lines[0], *lines[3:-1]]


def test_another_variant_is_refused_with_those_that_there_are(made):
    refused = sweep(made, "vae")
    assert "'vae' is not among the variants of params.yaml: autoencoder." in str(refused.exception)
