"""What keeps a stage honest: one runner per output, inputs that stand still, outputs that are whole or absent.

Work is done in a folder of the shared state whose name is the hash of the stage's inputs (and of the machine's
fingerprint, where bits depend on it). It is put in place as a whole, and kept until ``dvc.lock`` holds its inputs: a
process killed at any moment loses nothing that was finished, and other inputs never see it.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hourglass import pipeline, unpickling
from hourglass.errors import HourglassError
from hourglass.files import digest, read_json, write_json
from hourglass.locks import locked
from hourglass.process import adopted, die_with_parent
from hourglass.project import Project

Inputs = TypeVar("Inputs")

_FINISHED = "finished.json"


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
        _sweep(project)
        place = project.state / "work" / digest({"inputs": before, "fingerprint": fingerprint})[:32]
        with locked(project, str(place)):
            if not (place / _FINISHED).exists():
                if not resumable:
                    shutil.rmtree(place, ignore_errors=True)
                (place / "output").mkdir(parents=True, exist_ok=True)
                with unpickling.refused():
                    content = read()
                _require_still(project, stage, before)
                work(content, place / "output")
                write_json(place / _FINISHED, before)
            _require_still(project, stage, before)
            _publish(project, place, output, stage)


def _require_still(project: Project, stage: str, before: dict[str, Any]) -> None:
    after = pipeline.inputs(project, stage)
    for part in ("deps", "params"):
        for name in sorted(set(before[part]) | set(after[part])):
            if before[part].get(name) != after[part].get(name):
                raise HourglassError(
                    f"{name} changed while {stage} ran; nothing was published and finished work is kept. Run it again."
                )


def _publish(project: Project, place: Path, output: Path, stage: str) -> None:
    """Put a copy (by hard links where the file system has them) in place by renaming."""
    staging = project.root / "work" / ".publish" / stage
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    shutil.copytree(place / "output", staging / "new", copy_function=_link_or_copy)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        output.rename(staging / "old")
    (staging / "new").rename(output)
    inputs_file = project.inputs(stage)
    inputs_file.parent.mkdir(parents=True, exist_ok=True)
    write_json(inputs_file, read_json(place / _FINISHED))
    shutil.rmtree(staging)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sweep(project: Project) -> None:
    """Drop finished work that ``dvc.lock`` holds, so that a forced run truly runs."""
    for place in (project.state / "work").glob("*"):
        with locked(project, str(place), wait=False) as mine:
            if mine and (place / _FINISHED).exists():
                inputs = read_json(place / _FINISHED)
                if pipeline.locked_inputs(project, inputs["stage"]) == inputs:
                    shutil.rmtree(place)


def _die_with_dvc() -> None:
    """End this process when DVC, its parent, dies: nobody would take its result.

    Run by hand, a stage has a shell for a parent and may outlive it.
    """
    if "DVC_STAGE" not in os.environ:
        return
    die_with_parent()
    if adopted():
        os.kill(os.getpid(), signal.SIGKILL)
