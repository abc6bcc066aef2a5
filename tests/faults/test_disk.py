"""The disk is full or read-only at each place that is written to; a remote can't be reached."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.test_stages import forget

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0


@contextmanager
def small_disk(folder: Path, free: int) -> Iterator[None]:
    """Give a folder a disk of its own with little space left; afterwards its files lie on the large one again."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f"{folder.name}.aside")
    shutil.copytree(folder, aside)
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())
    if not _mount("-t", "tmpfs", "-o", f"size={used + free}", "none", str(folder)):
        shutil.rmtree(aside)
        pytest.skip("a small disk can't be mounted here; run it as root")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)
        aside.rename(folder)


STAGES = {
    "ingest": ("ingest", ".hourglass/work", 16_384),
    "checkpoint": ("train@vae", ".hourglass/work", 65_536),
    "package": ("package@vae", ".hourglass/work", 131_072),
    "publish": ("train@vae", "work", 65_536),
}


@pytest.mark.parametrize("write", STAGES)
def test_stage_on_a_full_disk_says_so_and_goes_on_when_there_is_room(case, write):
    stage, folder, free = STAGES[write]
    lock, outputs = case.lock, case.outputs
    forget(case, stage)
    with small_disk(case.root / folder, free):
        child = case.start("dvc", "repro", "--single-item", stage)
        assert child.wait(300) != 0
        assert "o space left on device" in case.said, case.said
        assert case.outputs.items() <= outputs.items()
    case.require_no_orphans()
    case.run("dvc", "repro", "--single-item", stage)
    assert case.lock == lock
    assert case.outputs == outputs


MLFLOW = {"database": "mlruns", "artifact": "mlruns/artifacts"}


@pytest.mark.parametrize("write", MLFLOW)
def test_mlflow_store_on_a_full_disk_is_completed_later(case, write):
    case.checkout.set(autoencoder={"latent": 12}, vae={"latent": 12})  # whichever leads is a version to register
    with small_disk(case.root / MLFLOW[write], 16_384):
        case.run("dvc", "repro")
        child = case.start("hourglass", "register" if write == "artifact" else "track")
        assert child.wait(300) != 0
    case.run("hourglass", "track")
    case.run("hourglass", "register")
    case.require_no_orphans()
    case.require_one_of_each()


def test_report_on_a_full_disk_leaves_the_one_before(case):
    report = case.root / "reports" / "index.html"
    before, names = report.read_bytes(), {path.name for path in report.parent.iterdir()}
    with small_disk(report.parent, 65_536):
        child = case.start("hourglass", "report")
        assert child.wait(300) != 0
        assert report.read_bytes() == before
    case.run("hourglass", "report")
    assert {path.name for path in report.parent.iterdir()} == names


def test_read_only_store_is_named_and_completed_later(case):
    store = case.root / "mlruns"
    case.checkout.set(vae={"latent": 4})
    if not _mount("--bind", str(store), str(store)) or not _mount("-o", "remount,bind,ro", str(store)):
        pytest.skip("a folder can't be made read-only here; run it as root")
    try:
        case.run("dvc", "repro")
        child = case.start("hourglass", "track")
        assert child.wait(300) != 0
        assert "Traceback" not in case.said
    finally:
        subprocess.run(["umount", "--lazy", str(store)], check=True)
    case.run("hourglass", "track")
    case.require_one_of_each()


def test_unreachable_remote_is_named_and_the_next_run_pushes(case, server, tmp_path):
    (tmp_path / "file").touch()
    case.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "file" / "store"))
    child = case.start("hourglass", "run", PREFECT_API_URL=server)
    assert child.wait(400) != 0
    assert "Traceback" not in case.said.rpartition("hourglass:")[2]
    (tmp_path / "file").unlink()
    case.run("hourglass", "run", PREFECT_API_URL=server)
    case.run("dvc", "status", "--cloud")
    assert "in sync" in case.said
