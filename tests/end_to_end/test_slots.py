"""Slots: what runs at once, and on which GPU."""

import os
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture
def two_gpus(copy, tmp_path):
    """A copy on a machine that seems to have two GPUs; its trainings tell which they see."""
    commands = tmp_path / "bin"
    commands.mkdir()
    driver = commands / "nvidia-smi"
    driver.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    driver.chmod(0o755)
    graph = copy.root / "dvc.yaml"
    told = "exec hourglass train", "echo sees $CUDA_VISIBLE_DEVICES && exec hourglass train"
    graph.write_text(graph.read_text().replace(*told))
    copy.env["PATH"] = f"{commands}{os.pathsep}{copy.env['PATH']}"
    copy.env["TMPDIR"] = str(tmp_path)
    copy.env.pop("CUDA_VISIBLE_DEVICES", None)
    return copy


def test_trainings_side_by_side_see_a_gpu_each_and_the_results_are_the_same(two_gpus):
    before = (two_gpus.root / "work" / "train" / "vae" / "weights.safetensors").read_bytes()
    said = two_gpus.hourglass("run")
    assert sorted(re.findall(r"sees (\S+)$", said, re.MULTILINE)) == ["0", "1"]
    assert (two_gpus.root / "work" / "train" / "vae" / "weights.safetensors").read_bytes() == before


def test_a_run_of_a_deployment_demands_the_servers_slots(two_gpus):
    said = two_gpus.hourglass("run", expect=1, PREFECT__FLOW_RUN_ID="6c7f4f5e-0000-4000-8000-000000000000")
    assert re.search(r"the Prefect server has no limit 'hourglass-[cg]pu'; `hourglass deploy` creates it\.", said)


def test_a_training_on_several_devices_waits_for_all_of_them(two_gpus):
    two_gpus.set(train={"devices": 2})
    assert re.findall(r"sees (\S+)$", two_gpus.hourglass("run"), re.MULTILINE) == ["0,1", "0,1"]
