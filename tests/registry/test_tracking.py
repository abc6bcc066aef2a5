"""One run for each trained variant."""

import json

import pytest

from hourglass.registry import tracking

TRAINING = tracking.Training("vae", {"stage": "train@vae", "deps": {"d": "1"}, "params": {"seed": 0}}, {"cpu": "x"})
RESULTS = tracking.Results(
    params={"seed": 0, "vae": {"latent": 8}},
    metrics={"test": {"auroc": 0.9}},
    data={"digest": "abc.dir", "source": "digits", "schema": {}, "profile": {"train": 3}},
    files=lambda: {"figures/x.svg": "<svg/>"},
)


def epochs(count, start=1):
    return [
        {
            "epoch": number,
            "step": number,
            "lr": 0.1,
            "kl_weight": 1.0,
            "monitor": 1 / number,
            "train": {"reconstruction": 2.0, "kl": 1.0},
            "validation": {"reconstruction": 3.0, "kl": float(number)},
            "code": {"active_units": 2.0},
        }
        for number in range(start, count + 1)
    ]


def steps(client, run, name):
    return [entry.step for entry in client.get_metric_history(run, name)]


def test_same_inputs_on_the_same_machine_are_one_run(project, client):
    with tracking.run_of(project, client, "one", TRAINING) as first:
        pass
    with tracking.run_of(project, client, "one", TRAINING) as second:
        pass
    assert first == second


@pytest.mark.parametrize(
    "other",
    [
        tracking.Training("vae", {**TRAINING.inputs, "params": {"seed": 1}}, TRAINING.fingerprint),
        tracking.Training("vae", TRAINING.inputs, {"cpu": "another"}),
    ],
)
def test_other_inputs_or_another_machine_are_another_run(project, client, other):
    with tracking.run_of(project, client, "other", TRAINING) as first:
        pass
    with tracking.run_of(project, client, "other", other) as second:
        pass
    assert first != second


def test_epochs_are_logged_once_however_often_they_are_seen(project, client):
    with tracking.run_of(project, client, "epochs", TRAINING) as run:
        tracking.log_epochs(client, run, epochs(3))
        tracking.log_epochs(client, run, epochs(5))
        tracking.log_epochs(client, run, epochs(5))
    assert steps(client, run, "validation/kl") == [1, 2, 3, 4, 5]
    assert steps(client, run, "train/reconstruction") == [1, 2, 3, 4, 5]


def test_completed_run_holds_everything_and_a_second_pass_changes_nothing(project, client, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in epochs(300)))
    run = tracking.complete(project, client, "complete", TRAINING, path, RESULTS)
    first = client.get_run(run).to_dictionary()
    assert first["info"]["status"] == "FINISHED"
    assert first["data"]["params"] == {"seed": "0", "vae.latent": "8"}
    assert first["data"]["metrics"]["test/auroc"] == 0.9
    assert len(steps(client, run, "monitor")) == 300
    assert tracking.complete(project, client, "complete", TRAINING, path, RESULTS) == run
    assert client.get_run(run).to_dictionary() == first


def test_metrics_before_are_those_of_the_last_other_run(project, client, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("")
    later = tracking.Training("vae", {**TRAINING.inputs, "params": {"seed": 2}}, TRAINING.fingerprint)
    assert tracking.previous_metrics(project, client, "before", later) == {}
    tracking.complete(project, client, "before", TRAINING, path, RESULTS)
    tracking.complete(project, client, "before", later, path, RESULTS)
    assert tracking.previous_metrics(project, client, "before", later)["test/auroc"] == 0.9


def test_nested_names_are_joined():
    assert tracking.flat({"a": {"b": 1, "c": {"d": 2}}, "e": {}}, "/") == {"a/b": 1, "a/c/d": 2, "e": {}}
