"""What keeps a stage honest: one runner per output, inputs that stand still, outputs that are whole or absent.

Work is done in a folder of the shared state whose name is the hash of the stage's inputs (and of the machine's
fingerprint, where bits depend on it). It is put in place as a whole, and kept until DVC has it (its inputs are in
``dvc.lock``, the outputs named there in DVC's cache): a process killed at any moment loses nothing that was finished,
and other inputs never see it.
"""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from hourglass import dvc_lock, locks, pipeline, unpickling
from hourglass.dvc_cache import Cache
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, linked, read_json, write_json
from hourglass.locks import locked
from hourglass.process import adopted, die_with_parent
from hourglass.project import Project

Inputs = TypeVar("Inputs")

#: In a place: what it is made from; the hashes of the files in ``output``, once all are there.
_INPUTS, _FINISHED, _OUTPUT = "inputs.json", "finished.json", "output"
#: How long work waits for its inputs to come back, and how many pieces of a stage's work wait.
_KEPT_SECONDS, _KEPT = 14 * 86_400, 5
#: A disk with less than this is full.
_SPARE_BYTES = 65_536


def run_guarded(
    project: Project,
    stage: str,
    output: Path,
    *,
    read: Callable[[], Inputs],
    work: Callable[[Inputs, Path], None],
    fingerprint: dict[str, Any] | None = None,
    resumable: bool = False,
) -> None:
    """Run a stage.

    Parameters
    ----------
    project : Project
    stage : str
        Its name in DVC's graph, ``train@vae``.
    output : Path
        The folder it makes. What it was made from goes to ``work/inputs/STAGE.json``.
    read : callable
        Reads everything the stage needs.
    work : callable
        Called with what `read` gave and an empty folder to fill.
    fingerprint : dict, optional
        What the bits of the output depend on besides the inputs.
    resumable : bool
        Whether `work` goes on from what a killed call left in its folder; otherwise it starts from an empty one.

    Raises
    ------
    HourglassError
        An input moved while the stage ran. Nothing was published; what was finished is kept for when it moves back.
    """
    _die_with_dvc()
    with locked(project, str(output)):
        before = pipeline.inputs(project, stage)
        _collect(project)
        place = project.state / "work" / digest({"inputs": before, "fingerprint": fingerprint})[:32]
        with locked(project, str(place)), _told_if_full(stage, project.state, project.root):
            if not _finished(place):
                _prepare(place, before, resumable=resumable)
                with unpickling.refused():
                    content = read()
                _require_still(project, stage, before)
                work(content, place / _OUTPUT)
                write_json(place / _FINISHED, folder_hashes(place / _OUTPUT))
            _require_still(project, stage, before)
            _publish(project, place, output, stage)


@contextmanager
def _told_if_full(stage: str, *folders: Path) -> Iterator[None]:
    """Say in one sentence that a disk is full; every library has its own way to fail then."""
    try:
        yield
    except HourglassError:
        raise
    except Exception as problem:
        full = [place for folder in folders for place in (folder, folder / "work") if _is_full(place)]
        if not full:
            raise
        raise HourglassError(
            f"no space left on device: the disk of {full[0]} is full. Nothing was published and finished work is "
            f"kept; make room and run {stage} again."
        ) from problem


def _is_full(folder: Path) -> bool:
    return folder.exists() and shutil.disk_usage(folder).free < _SPARE_BYTES


def _finished(place: Path) -> bool:
    """Tell whether all of the work is there, as it was written: a power cut may keep the list and lose a file."""
    if not (place / _FINISHED).exists():
        return False
    try:
        return bool(read_json(place / _FINISHED) == folder_hashes(place / _OUTPUT))
    except HourglassError:
        return False


def _prepare(place: Path, inputs: dict[str, Any], *, resumable: bool) -> None:
    """Make the folder to work in, or clean it of what a killed process was just writing."""
    if not resumable:
        shutil.rmtree(place, ignore_errors=True)
    (place / _OUTPUT).mkdir(parents=True, exist_ok=True)
    (place / _FINISHED).unlink(missing_ok=True)
    for path in place.rglob(".*"):
        path.unlink()
    write_json(place / _INPUTS, inputs)
    os.utime(place)


def _require_still(project: Project, stage: str, before: dict[str, Any]) -> None:
    after = pipeline.inputs(project, stage)
    for part in ("deps", "params"):
        for name in sorted(set(before[part]) | set(after[part])):
            if before[part].get(name) != after[part].get(name):
                raise HourglassError(
                    f"{name} changed while {stage} ran; nothing was published and finished work is kept. Run it again."
                )


def _publish(project: Project, place: Path, output: Path, stage: str) -> None:
    """Put a copy (by hard links where the file system has them) in place by renaming.

    What the output was made from is removed first and written last: it is never beside another output.
    """
    staging, inputs = _staging(project) / stage, project.inputs(stage)
    with locked(project, str(staging)):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            shutil.copytree(
                place / _OUTPUT,
                staging / "new",
                copy_function=linked,
            )
        except OSError:
            shutil.rmtree(staging)
            raise
        inputs.unlink(missing_ok=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.exists():
            output.rename(staging / "old")
        (staging / "new").rename(output)
        inputs.parent.mkdir(parents=True, exist_ok=True)
        write_json(inputs, read_json(place / _INPUTS))
        shutil.rmtree(staging)


def _staging(project: Project) -> Path:
    return project.root / "work" / ".publish"


def _collect(project: Project) -> None:
    """Remove what nobody comes back for; what a living process uses is locked and stays.

    That is work that DVC has (so that a forced run truly runs), work that was long not asked for, and what killed
    processes left behind.
    """
    places = sorted((project.state / "work").glob("*"), key=_last_use, reverse=True)
    waiting: Counter[str] = Counter()
    for place in places:
        with locked(project, str(place), wait=False) as mine:
            if mine and place.exists():
                inputs = _inputs_of(place)
                waiting[inputs["stage"]] += 1
                old = waiting[inputs["stage"]] > _KEPT or time.time() - _last_use(place) > _KEPT_SECONDS
                if old or ((place / _FINISHED).exists() and _dvc_has(project, inputs)):
                    shutil.rmtree(place)
    for staging in _staging(project).glob("*"):
        with locked(project, str(staging), wait=False) as mine:
            if mine:
                shutil.rmtree(staging, ignore_errors=True)
    locks.collect(project)


def _dvc_has(project: Project, inputs: dict[str, Any]) -> bool:
    """Tell whether DVC took what was made; in a fresh clone ``dvc.lock`` holds its inputs before anything ran."""
    stage = inputs["stage"]
    if pipeline.locked_inputs(project, stage) != inputs:
        return False
    cache = Cache.of(project)
    return all(cache.path(out["md5"]).exists() for out in dvc_lock.entries(project)[stage].get("outs", ()))


def _last_use(place: Path) -> float:
    return place.stat().st_mtime if place.exists() else 0.0


def _inputs_of(place: Path) -> dict[str, Any]:
    try:
        inputs: dict[str, Any] = read_json(place / _INPUTS)
    except HourglassError:  # killed before it was written
        return {"stage": ""}
    return inputs


def _die_with_dvc() -> None:
    """End this process when DVC, its parent, dies: nobody would take its result.

    Run by hand, a stage has a shell for a parent and may outlive it.
    """
    if "DVC_STAGE" not in os.environ:
        return
    die_with_parent()
    if adopted():
        os.kill(os.getpid(), signal.SIGKILL)
