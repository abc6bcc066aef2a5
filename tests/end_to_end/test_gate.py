"""Who becomes champion, with real versions of real models."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.services
def test_worse_setting_is_registered_but_not_promoted_and_other_inputs_are_refused(copy):
    first = copy.hourglass("run")
    assert "is the first champion" in first
    copy.set(variants=["autoencoder"], autoencoder={"latent": 1}, train={"epochs": 1})
    worse = copy.hourglass("run")
    assert "version 2 (autoencoder) is not promoted; version 1 stays champion" in worse
    assert "another variant or setting must be better" in worse
    copy.hourglass("data", "breast_cancer")
    copy.set(anomaly={"alpha": 0.1})
    other = copy.hourglass("run")
    assert "takes other inputs than the champion" in other
    assert "registry.name" in other
    listed = json.loads(copy.hourglass("models", "--json"))
    assert [(entry["version"], entry["aliases"]) for entry in listed["versions"]] == [
        (3, []),
        (2, []),
        (1, ["champion"]),
    ]
    assert [(move["from"], move["to"], move["by"]) for move in listed["moves"]] == [(None, 1, "flow")]


@pytest.mark.services
def test_rolled_back_version_stays_down_until_somebody_asks(copy):
    copy.hourglass("run")
    copy.set(anomaly={"alpha": 0.1})
    assert "models:/hourglass/2" in copy.hourglass("run").split("Champion:")[1]
    said = copy.hourglass("rollback", "--reason", "alarms at night")
    assert said.startswith("rolled back by hand: alarms at night; version 1")
    again = copy.hourglass("run")
    assert "version 2" in again.split("Gate:")[1]
    assert "is not promoted by itself" in again
    listed = copy.hourglass("models")
    assert "moves of the aliases" in listed
    assert "alarms at night" in listed
    assert "becomes champion" in copy.hourglass("promote", "2")
    assert "alarms" in copy.hourglass("rollback", "--reason", "alarms again")


#: The flow, with something happening right after the aliases have moved.
SPOILT = """
import os, runpy, signal
from pathlib import Path
import mlflow
from hourglass.registry import history

make = history.make

def make_and_spoil(client, name, change):
    make(client, name, change)
    if change.kind == history.PROMOTED:
        {spoil}

history.make = make_and_spoil
runpy.run_path("flows/retrain.py")["main"]()
"""
BREAK_FILES = """
        files = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{change.after['champion']}"))
        (files / "artifacts").rename(files / "gone")"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


def moves(copy):
    listed = json.loads(copy.hourglass("models", "--json"))["moves"]
    return [(move["from"], move["to"], move["kind"]) for move in reversed(listed) if move["alias"] == "champion"]


@pytest.mark.services
def test_champion_whose_files_break_in_the_flow_is_taken_back(copy):
    copy.hourglass("run")
    copy.set(anomaly={"alpha": 0.1})
    (copy.root / "spoilt.py").write_text(SPOILT.replace("{spoil}", BREAK_FILES))
    assert "can't score" in copy.run("spoilt", expect=1)
    assert moves(copy) == [(None, 1, "promoted"), (1, 2, "promoted"), (2, 1, "taken back")]
    assert "version 2 was taken back, its smoke test as champion failed" in copy.hourglass("models")


@pytest.mark.services
def test_promotion_of_a_killed_flow_is_completed_by_the_next(copy):
    copy.hourglass("run")
    copy.set(anomaly={"alpha": 0.1})
    (copy.root / "spoilt.py").write_text(SPOILT.replace("{spoil}", KILL))
    copy.run("spoilt", expect=-9)
    assert moves(copy) == [(None, 1, "promoted")]
    copy.hourglass("run")
    assert moves(copy) == [(None, 1, "promoted"), (1, 2, "promoted")]
