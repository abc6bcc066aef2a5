"""Something is edited while a stage runs; several run at once."""

import shutil
import signal
import time

import pytest

from tests.faults.test_stages import forget

pytestmark = [pytest.mark.fault, pytest.mark.slow]

EDITS = {
    "params": ("train@vae", "params.yaml", lambda text: text.replace("lr: 0.002", "lr: 0.003")),
    "code": ("train@vae", "src/hourglass/models/vae.py", lambda text: text + "\n# another line\n"),
    "data": ("ingest", "data/snapshot.json", lambda text: text + "\n"),
}


def has_begun(case):
    return any(case.root.glob(".hourglass/work/*/inputs.json"))


@pytest.mark.parametrize("what", EDITS)
def test_edit_while_a_stage_runs_is_named_and_nothing_is_published(case, what):
    stage, name, edit = EDITS[what]
    lock, outputs = case.lock, case.outputs
    path = case.root / name
    forget(case, stage)
    before = path.read_text()
    child = case.start("dvc", "repro", "--single-item", stage)
    while not has_begun(case):
        assert child.poll() is None, case.said
        time.sleep(0.005)
    path.write_text(edit(before))
    assert edit(before) != before
    assert child.wait(300) != 0
    assert f"changed while {stage} ran; nothing was published" in case.said
    assert stage not in case.lock
    assert case.outputs.items() <= outputs.items()
    case.require_no_orphans()

    path.write_text(before)
    case.run("dvc", "repro", "--single-item", stage)
    assert case.lock == lock
    assert case.outputs == outputs


def test_second_runner_of_a_stage_waits_and_names_the_first(case):
    forget(case, "train@vae")
    outputs = case.outputs
    first = case.start("hourglass", "train", "vae")
    while not has_begun(case):
        assert first.poll() is None, case.said
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # until the second is there
    second = case.start("hourglass", "train", "vae")
    while f"waiting for process {first.pid}, which holds {case.root}/work/train/vae" not in case.said:
        assert second.poll() is None, case.said
        time.sleep(0.05)
    first.send_signal(signal.SIGCONT)
    assert (first.wait(300), second.wait(300)) == (0, 0)
    assert case.outputs.items() > outputs.items()
    case.require_no_orphans()
    case.require_one_of_each()


@pytest.mark.services
def test_second_flow_waits_and_names_the_first(case, server):
    case.checkout.set(anomaly={"alpha": 0.1})
    first = case.start("hourglass", "run", PREFECT_API_URL=server)
    case.find("hourglass package", first)
    first.send_signal(signal.SIGSTOP)
    second = case.start("hourglass", "run", PREFECT_API_URL=server)
    while f"waiting for process {first.pid}, which holds the retrain flow" not in case.said:
        assert second.poll() is None, case.said
        time.sleep(0.1)
    first.send_signal(signal.SIGCONT)
    assert (first.wait(400), second.wait(400)) == (0, 0)
    case.require_no_orphans()
    case.require_one_of_each()


def test_three_processes_that_meet_a_fresh_mlflow_store_share_it(case):
    for path in (case.root / "mlruns").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    tracks = [case.start("hourglass", "track") for _ in range(3)]
    assert [track.wait(300) for track in tracks] == [0, 0, 0]
    case.require_one_of_each()
    case.run("hourglass", "register")
    case.require_one_of_each()
