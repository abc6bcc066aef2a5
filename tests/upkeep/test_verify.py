"""``hourglass verify`` finds a flipped bit wherever it is."""

import json
import os
import shutil
import threading

import pytest
import torch
from dvc.repo import Repo

from hourglass.dvc_cache import Cache
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, write_json
from hourglass.locks import locked
from hourglass.training.adam import AdamW
from hourglass.training.checkpoint import Checkpoint, Progress, Trainee
from hourglass.upkeep import verify
from hourglass.upkeep.hashed import Hashed


def flip(path, after=b""):
    """Flip a bit as a failing disk does: neither size nor time move. In the middle, or just behind some bytes."""
    before, mode = path.stat(), path.stat().st_mode
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[content.index(after) + len(after) if after else len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def damaged(project):
    return {file.name: file.problem for part in verify.verify(project) for file in part.damaged}


def cached(project, content):
    (path,) = [path for _, path in Cache.of(project).objects() if path.read_bytes() == content]
    return path


def quarantined(project):
    return [path for path in (project.state / "quarantine").rglob("*") if path.is_file()]


def test_sound_project_has_no_damage_and_every_file_is_counted(project):
    parts = {part.name: part.facts() for part in verify.verify(project)}
    assert verify.report(verify.verify(project), as_json=True) == 0
    assert parts["workspace"]["files"] == 3
    assert parts["workspace"]["bytes"] == 4 * 99 + 3 * 99 + 3
    assert parts["DVC cache"]["files"] == 3 + 2 + 1  # files, lists of folders, an entry of the run cache


@pytest.mark.parametrize("name", ["work/train/vae/a", "work/train/vae/b", "data/rows.npy"])
def test_flipped_bit_in_the_workspace_is_named(project, name, capsys):
    flip(project.root / name)
    assert list(damaged(project)) == [name]
    assert verify.report(verify.verify(project), as_json=False) == 1
    assert name in capsys.readouterr().out


def test_missing_and_added_files_of_an_output_are_named(project):
    (project.root / "work/train/vae/a").unlink()
    (project.root / "work/train/vae/c").touch()
    assert damaged(project) == {
        "work/train/vae/a": "is missing",
        "work/train/vae/c": "is no part of what was recorded",
    }


def test_output_that_was_never_fetched_is_no_damage(project):
    shutil.rmtree(project.root / "work")
    part = verify.verify(project)[0]
    assert part.sound
    assert part.facts()["absent"] == ["work/train/vae"]


def test_flipped_bit_in_the_cache_is_named_for_files_lists_and_runs(project):
    cache = Cache.of(project)
    lists = [path for md5, path in cache.objects() if md5.endswith(".dir")]
    (run,) = cache.runs.glob("*/*/*")
    for path in (cached(project, b"two"), *lists):
        flip(path)
    flip(run, after=b"md5: ")  # sizes in it are not hashed
    spoilt = {cached(project, b"tvo"), *lists, run}
    assert {project.root / name for name in damaged(project)} == spoilt


def test_flipped_bit_is_found_where_the_list_of_the_folder_is_lost(project):
    for md5, path in list(Cache.of(project).objects()):
        if md5.endswith(".dir"):
            path.unlink()
    assert damaged(project) == {}
    flip(project.root / "work/train/vae/b")
    assert list(damaged(project)) == ["work/train/vae"]


def test_flipped_bit_in_a_checkpoint_is_named(project):
    folder = project.state / "work" / "key" / "output"
    folder.mkdir(parents=True)
    net = torch.nn.Linear(2, 2)
    Checkpoint(folder).save(Trainee(net, {"step": AdamW(list(net.parameters()), 0.0)}, {}, {}, Progress(epoch=3)))
    assert damaged(project) == {}
    flip(folder / "checkpoint-3.safetensors")
    assert list(damaged(project)) == [".hourglass/work/key/output/checkpoint-3.safetensors"]


def test_flipped_bit_in_finished_work_that_waits_to_be_published_is_named(project):
    place = project.state / "work" / "key"
    (place / "output").mkdir(parents=True)
    (place / "output" / "a").write_bytes(b"finished")
    write_json(place / "finished.json", folder_hashes(place / "output"))
    assert damaged(project) == {}
    flip(place / "output" / "a")
    assert list(damaged(project)) == [".hourglass/work/key/output/a"]


def test_damaged_lock_is_named_and_the_rest_is_still_read(project, monkeypatch):
    monkeypatch.setattr("hourglass.dvc_lock.PATIENCE_SECONDS", 0.0)
    project.lock_file.write_text("stages: [")
    flip(project.root / "data" / "rows.npy")
    assert set(damaged(project)) == {"dvc.lock", "data/rows.npy"}


def test_conflict_in_data_dvc_is_named_and_the_rest_is_still_read(project):
    recorded = project.root / "data.dvc"
    recorded.write_text(f"<<<<<<< ours\n{recorded.read_text()}=======\n>>>>>>> theirs\n")
    flip(project.root / "work/train/vae/b")
    assert set(damaged(project)) == {"data.dvc", "work/train/vae/b"}


def test_part_whose_reading_fails_in_a_library_is_told_and_the_others_are_read(project, monkeypatch):
    def broken(_):
        yield Hashed("a")
        raise ZeroDivisionError("oh")

    monkeypatch.setitem(verify._PARTS, "workspace", broken)
    workspace, cache, *_ = verify.verify(project)
    assert workspace.unread == "ZeroDivisionError: oh"
    assert cache.sound


def test_part_that_cannot_be_read_is_no_sound_part(project, monkeypatch):
    (project.mlruns).mkdir()
    (project.mlruns / "mlflow.db").write_text("no database at all")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    registry = verify.verify(project)[2]
    assert "can't be reached" in registry.unread
    assert not registry.sound


def test_json_names_the_file_the_damage_and_what_to_do(project, capsys):
    flip(project.root / "work/train/vae/a")
    assert verify.report(verify.verify(project), as_json=True) == 1
    (found,) = json.loads(capsys.readouterr().out)["workspace"]["damaged"]
    assert found["name"] == "work/train/vae/a"
    assert "hourglass verify --fix" in found["fix"]


def test_fix_brings_back_an_object_from_the_workspace_and_an_output_from_the_cache(project):
    a, b = project.root / "work/train/vae/a", project.root / "work/train/vae/b"
    sound = a.read_bytes(), b.read_bytes()
    flip(cached(project, sound[0]))
    flip(b)
    verify.mend_damage(project)
    assert damaged(project) == {}
    assert (a.read_bytes(), b.read_bytes()) == sound
    assert len(quarantined(project)) == 2


def test_fix_takes_a_corrupt_object_out_of_dvcs_way_where_no_sound_copy_is_left(project):
    b = project.root / "work/train/vae/b"
    corrupt = cached(project, b.read_bytes())
    flip(corrupt)
    shutil.rmtree(project.root / "work")
    verify.mend_damage(project)
    assert not corrupt.exists()


def test_fix_leaves_the_data_of_the_checkout_alone(project):
    rows = project.root / "data" / "rows.npy"
    rows.write_bytes(b"changed on purpose")
    verify.mend_damage(project)
    assert rows.read_bytes() == b"changed on purpose"


def test_fix_goes_on_where_the_remote_is_down(project, monkeypatch, capsys):
    def down(*_):
        raise HourglassError("no route to host")

    monkeypatch.setattr("hourglass.dvc_repo.run", down)
    with Repo(project.root) as repo, repo.config.edit() as config:
        config["remote"]["far"] = {"url": "http://127.0.0.1:9"}
        config["core"]["remote"] = "far"
    b = project.root / "work/train/vae/b"
    flip(cached(project, b.read_bytes()))
    flip(b)
    verify.mend_damage(project)
    said = capsys.readouterr().err
    assert "DVC's remote couldn't be asked for what is left (no route to host)" in said
    assert "work/train/vae/b was moved to" in said


def test_fix_works_where_dvc_lock_is_damaged(project, monkeypatch):
    monkeypatch.setattr("hourglass.dvc_lock.PATIENCE_SECONDS", 0.0)
    rows = project.root / "data" / "rows.npy"
    corrupt = cached(project, rows.read_bytes())
    flip(corrupt)
    project.lock_file.write_text("stages: [")
    verify.mend_damage(project)
    assert list(damaged(project)) == ["dvc.lock"]
    assert corrupt.read_bytes() == rows.read_bytes()


def test_fix_deletes_no_file_that_it_does_not_know(project):
    added, rows = project.root / "work/train/vae/notes.txt", project.root / "data" / "rows.npy"
    for text in ("first", "second"):
        added.write_text(text)
        (project.root / "data" / "mine.txt").write_text(text)
        verify.mend_damage(project)
    assert {path.read_text() for path in quarantined(project)} == {"first", "second"}
    assert rows.exists()
    assert (project.root / "data" / "mine.txt").read_text() == "second"


def test_fix_keeps_all_of_a_folder_whose_list_is_lost(project):
    for md5, path in list(Cache.of(project).objects()):
        if md5.endswith(".dir"):
            path.unlink()
    flip(project.root / "work/train/vae/b")
    a = (project.root / "work/train/vae/a").read_bytes()
    verify.mend_damage(project)
    assert {path.read_bytes() for path in quarantined(project)} == {a, b"tvo"}


def test_fix_waits_for_a_running_flow(project):
    mending = threading.Thread(target=verify.mend_damage, args=(project,))
    with locked(project, "the retrain flow"):
        flip(project.root / "work/train/vae/b")
        mending.start()
        mending.join(timeout=0.5)
        assert mending.is_alive()
        flip(project.root / "work/train/vae/b")  # the flow ends well
    mending.join()
    assert not (project.state / "quarantine").exists()
