"""``hourglass train`` on several devices, of which this machine's CPU plays the part."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from safetensors.numpy import load_file

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def project(clone, tmp_path):
    checkout = clone.copy(tmp_path / "project")
    checkout.hourglass("data", "digits")
    checkout.hourglass("ingest")
    return checkout


def weights(checkout):
    return load_file(checkout.root / "work/train/vae/weights.safetensors")


def test_two_processes_train_what_one_trains(project):
    project.hourglass("train", "vae")
    alone = weights(project)
    project.set(train={"devices": 2})
    project.hourglass("train", "vae")
    together = weights(project)
    assert max(abs(together[name] - value).max() for name, value in alone.items()) < 1e-4
    assert json.loads((project.root / "work/train/vae/model.json").read_text())["fingerprint"]["devices"] == 2
    lines = (project.root / "work/train/vae/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 13))


def test_what_the_processes_refuse_is_told_in_a_sentence(project):
    project.set(train={"devices": 2, "augment": ["swap"]})
    said = project.hourglass("train", "vae", expect=1)
    assert "hourglass: params.yaml: train.augment names 'swap', which is for tables" in said
    assert "Traceback" not in said
    assert not (project.root / "work/train/vae").exists()


def test_a_killed_process_takes_the_others_with_it_and_the_training_goes_on_to_the_same_bits(project, tmp_path):
    project.set(train={"devices": 2, "epochs": 60, "patience": 60})
    whole = project.copy(tmp_path / "whole")
    whole.hourglass("train", "vae")
    command = [sys.executable, "-m", "hourglass", "train", "vae"]
    with subprocess.Popen(command, cwd=project.root, env=project.env, stderr=subprocess.PIPE, text=True) as training:
        while not (found := processes(project.root)) or not list(project.root.rglob("output/checkpoint.json")):
            assert training.poll() is None
            time.sleep(0.01)
        os.kill(found[-1], signal.SIGKILL)
        _, said = training.communicate(timeout=60)
    assert training.returncode == 1
    assert "hourglass: a process of the training of vae on 2 devices ended before it was done" in said
    assert processes(project.root) == []
    project.hourglass("train", "vae")
    assert {name: value.tobytes() for name, value in weights(project).items()} == {
        name: value.tobytes() for name, value in weights(whole).items()
    }


def processes(root):
    """Find the processes that train a project's variants together."""
    listed = subprocess.run(["ps", "-wweo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    mine = f"-m hourglass.stages.torchrun {root} "
    return [int(line.split()[0]) for line in listed if mine in line and "--standalone" not in line]
