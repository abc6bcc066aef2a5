"""A file is cut, emptied or bent: ``dvc.lock``, DVC's cache, a checkpoint, an output, a registered model."""

import os
import shutil

import pytest

from tests.faults.test_stages import forget

pytestmark = [pytest.mark.fault, pytest.mark.slow]

LOCKS = {
    "truncated": lambda text: text[: len(text) // 2],
    "conflicted": lambda text: f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> theirs\n",
    "empty": lambda text: "",
    "deleted": lambda text: None,
}


@pytest.mark.services
@pytest.mark.parametrize("damage", LOCKS)
def test_damaged_lock_is_mended_by_the_next_flow(case, server, damage):
    lock, outputs, path = case.lock, case.outputs, case.root / "dvc.lock"
    text = LOCKS[damage](path.read_text())
    path.unlink() if text is None else path.write_text(text)
    case.run("hourglass", "run", PREFECT_API_URL=server)
    assert "dvc.lock was" in case.said
    assert "0 stages ran" in case.said
    assert case.lock == lock
    assert case.outputs == outputs
    case.require_one_of_each()


def flip(path):
    """Flip a bit as a failing disk does: the file keeps its size and times."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(stat.st_mode)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


FILES = {
    "safetensors": "work/train/vae/weights.safetensors",
    "ONNX": "work/package/vae/*.onnx",
    "DVC cache": ".dvc/cache/files/md5/*/*",
    "registry artifact": "mlruns/artifacts/**/weights.safetensors",
}


@pytest.mark.parametrize("what", FILES)
def test_flipped_bit_is_named_and_mended_by_verify(case, what):
    lock, outputs = case.lock, case.outputs
    path = max(case.root.glob(FILES[what]), key=lambda path: path.stat().st_size)
    whole = path.read_bytes()
    flip(path)
    child = case.start("hourglass", "verify")
    assert child.wait(300) != 0
    assert path.name in case.said
    child = case.start("hourglass", "verify", "--fix")
    child.wait(300)
    case.run("dvc", "repro")
    case.run("hourglass", "verify")
    assert path.read_bytes() == whole
    assert case.lock == lock
    assert case.outputs == outputs


def test_flipped_bit_in_a_checkpoint_starts_the_training_over(case):
    lock, outputs = case.lock, case.outputs
    forget(case, "train@vae")
    command = ("dvc", "repro", "--single-item", "train@vae")
    child = case.start(*command)
    pid = case.find("hourglass train", child)
    while not (saved := list(case.root.glob(".hourglass/work/*/output/checkpoint.json"))):
        assert child.poll() is None, case.said
    os.kill(pid, 9)
    child.wait(300)
    case.require_no_orphans()
    (weights,) = saved[0].parent.glob("checkpoint-*.safetensors")
    flip(weights)
    case.run(*command)
    assert "is damaged" in case.said
    assert case.lock == lock
    assert case.outputs == outputs


def test_champion_whose_alias_is_gone_is_found_again(case, server):
    code = "from mlflow import MlflowClient; MlflowClient().delete_registered_model_alias('hourglass', 'champion')"
    (case.root / "unalias.py").write_text(code)
    case.run("unalias", MLFLOW_TRACKING_URI=f"sqlite:///{case.root}/mlruns/mlflow.db")
    (case.root / "unalias.py").unlink()
    case.run("hourglass", "run", PREFECT_API_URL=server)
    assert "Champion: models:/hourglass/1" in case.said
    case.require_one_of_each()


@pytest.mark.services
def test_champion_whose_files_are_gone_is_named_and_nothing_is_promoted(case, server):
    shutil.rmtree(case.root / "mlruns" / "artifacts")
    case.checkout.set(anomaly={"alpha": 0.1})
    child = case.start("hourglass", "run", PREFECT_API_URL=server)
    assert child.wait(400) != 0
    assert "\nhourglass: the champion's files are damaged or gone, so nothing is promoted: " in case.said
    case.require_no_orphans()
