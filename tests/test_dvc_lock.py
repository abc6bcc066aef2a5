"""A damaged ``dvc.lock`` is told from one that is being written, and mended."""

import subprocess
from threading import Timer

import pytest

from hourglass import dvc_lock
from hourglass.errors import HourglassError
from hourglass.project import Project

WHOLE = """schema: '2.0'
stages:
  ingest:
    cmd: exec hourglass ingest
    deps:
    - path: data
      hash: md5
      md5: 2ee121319a3b22521dca81299e5740e1.dir
      size: 117119
      nfiles: 3
    outs:
    - path: work/inputs/ingest.json
      hash: md5
      md5: 6331466bddf5f7cdf293b1bb975878b6
      size: 2114
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dvc_lock, "PATIENCE_SECONDS", 0.0)


def test_lock_cut_off_anywhere_is_damaged_or_has_only_whole_files(tmp_path, impatient):
    project = Project(tmp_path, tmp_path)
    last = {"path": "work/inputs/ingest.json", "hash": "md5", "md5": "6331466bddf5f7cdf293b1bb975878b6", "size": 2114}
    for length in range(len(WHOLE) + 1):
        project.lock_file.write_text(WHOLE[:length])
        try:
            entries = dvc_lock.entries(project)
        except dvc_lock.DamagedLockError:
            assert length < len(WHOLE)
        else:
            assert all(file == last for file in entries["ingest"].get("outs", []))


DAMAGES = {
    "bad YAML": "stages: [",
    "empty": "",
    "zeros": "\0" * 80,
    "a merge conflict": f"<<<<<<< HEAD\n{WHOLE}=======\n{WHOLE}>>>>>>> theirs\n",
    "a list": "- 1\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_lock_is_named_and_mended_from_git(tmp_path, impatient, damage):
    project = Project(tmp_path, tmp_path)
    project.lock_file.write_text(WHOLE)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    assert dvc_lock.mend(project) is None
    project.lock_file.write_text(damage)
    with pytest.raises(HourglassError, match=r"dvc\.lock is damaged; `hourglass run` mends it"):
        dvc_lock.entries(project)
    assert "is now dvc.lock.damaged; starting from the last commit" in dvc_lock.mend(project)
    assert project.lock_file.read_text() == WHOLE
    assert (tmp_path / "dvc.lock.damaged").read_text() == damage
    project.lock_file.unlink()
    assert "dvc.lock was missing; starting from the last commit" in dvc_lock.mend(project)
    assert project.lock_file.read_text() == WHOLE


def test_damaged_lock_that_git_does_not_have_is_put_aside(tmp_path, impatient):
    project = Project(tmp_path, tmp_path)
    project.lock_file.write_text("")
    assert "starting from none" in dvc_lock.mend(project)
    assert not project.lock_file.exists()
    assert dvc_lock.mend(project) is None


def test_lock_that_is_being_written_is_waited_for(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text("")
    Timer(0.5, path.write_text, ["stages: {ingest: {cmd: x}}\n"]).start()
    assert list(dvc_lock.entries(Project(tmp_path, tmp_path))) == ["ingest"]
