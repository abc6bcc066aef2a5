"""A snapshot takes the place of another as a whole, or the old one comes back."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hourglass.data import making, replacing
from hourglass.data.params import DataParams


def test_replacing_leaves_only_the_new_snapshot(tmp_path: Path) -> None:
    for name in ("first", "second"):
        np.save(tmp_path / f"{name}.npy", np.ones((3, 2)))
        making.build(str(tmp_path / f"{name}.npy"), tmp_path / "new", DataParams())
        with replacing.replaced(tmp_path / "data", tmp_path / "new"):
            pass
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["schema.json", "second", "snapshot.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "first.npy", "second.npy"]


def test_old_snapshot_comes_back_if_the_new_one_cannot_be_versioned(tmp_path: Path) -> None:
    for name in ("data", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    with pytest.raises(OSError, match="disk full"), replacing.replaced(tmp_path / "data", tmp_path / "new"):
        raise OSError("disk full")
    assert (tmp_path / "data" / "which").read_text() == "data"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("step", range(5))
def test_a_replacement_killed_at_any_step_is_undone_or_done(step, tmp_path, monkeypatch):
    for name in ("data", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    steps = iter(range(5))

    def kill() -> None:
        if next(steps) == step:
            os._exit(9)

    def killed_before(function):
        def call(*arguments, **keywords):
            kill()
            return function(*arguments, **keywords)

        return call

    child = os.fork()
    if not child:
        monkeypatch.setattr(Path, "rename", killed_before(Path.rename))
        monkeypatch.setattr(shutil, "rmtree", killed_before(shutil.rmtree))
        with replacing.replaced(tmp_path / "data", tmp_path / "new"):
            kill()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    replacing.put_back(tmp_path / "data")
    assert (tmp_path / "data" / "which").read_text() == ("new" if step == 4 else "data")
    (tmp_path / "next").mkdir()
    with replacing.replaced(tmp_path / "data", tmp_path / "next"):
        pass
    assert not (tmp_path / ".data.old").exists()
