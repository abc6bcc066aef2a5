"""DVC's graph, asked and run: ``dvc.yaml`` is the only list of stages."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hourglass import dvc_lock
from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.process import child_command
from hourglass.project import Project

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Stage:
    """A node of DVC's graph.

    Parameters
    ----------
    name : str
        DVC's address: ``ingest``, ``train@vae``, ``data.dvc``.
    upstream : tuple of str
        Names of the stages whose outputs it reads.
    """

    name: str
    upstream: tuple[str, ...]


def stages(project: Project) -> list[Stage]:
    """List all stages, each after those it depends on."""
    from dvc.repo.reproduce import get_active_graph, plan_repro

    def listed(repo: Any) -> list[Stage]:
        graph = get_active_graph(repo.index.graph)
        return [
            Stage(_address(project, node), tuple(sorted(_address(project, above) for above in graph.successors(node))))
            for node in plan_repro(graph)
        ]

    return _ask(project, listed)


def _address(project: Project, node: Any) -> str:
    """Name a node as seen from the project's root, wherever this process stands."""
    return str(getattr(node, "name", None) or Path(node.path).relative_to(project.root).as_posix())


def changed(project: Project, stage: str) -> bool:
    """Tell whether a stage has to run: its inputs, outputs or command differ from ``dvc.lock``."""
    return _ask(project, lambda repo: bool(repo.status([f"{project.root / 'dvc.yaml'}:{stage}"])))


def inputs(project: Project, stage: str) -> dict[str, Any]:
    """Give what a stage depends on, right now.

    Returns
    -------
    dict
        ``stage``, ``deps`` (path to DVC's hash) and ``params`` (name to value), as ``dvc.lock`` would record them.

    Raises
    ------
    HourglassError
        An input is missing.
    """
    from dvc.dependency.param import ParamsDependency

    def read(repo: Any) -> dict[str, Any]:
        deps: dict[str, str] = {}
        params: dict[str, Any] = {}
        for dep in repo.stage.load_one(str(project.root / "dvc.yaml"), stage).deps:
            if isinstance(dep, ParamsDependency):
                params |= dep.read_params()
            elif not dep.exists:
                raise HourglassError(
                    f"{dep.def_path} is missing; `hourglass run` or `dvc repro` makes what {stage} needs."
                )
            else:
                deps[dep.def_path] = dep.get_hash().value
        return {"stage": stage, "deps": deps, "params": params}

    return _ask(project, read)


def locked_inputs(project: Project, stage: str) -> dict[str, Any] | None:
    """Give what ``dvc.lock`` says a stage depended on, in the form of `inputs`; None if it never ran."""
    entry = dvc_lock.entries(project).get(stage)
    if entry is None:
        return None
    return {
        "stage": stage,
        "deps": {dep["path"]: dep["md5"] for dep in entry.get("deps", ())},
        "params": entry.get("params", {}).get("params.yaml", {}),
    }


def recorded_inputs(project: Project, stage: str) -> dict[str, Any]:
    """Read what the output of a stage was made from, and hold it against ``dvc.lock``.

    Raises
    ------
    HourglassError
        The stage never ran, or its output and the lock don't belong together.
    """
    recorded: dict[str, Any] = read_json(project.inputs(stage))
    locked = locked_inputs(project, stage)
    if locked is not None and locked != recorded:
        moved = [
            name
            for part in ("deps", "params")
            for name in sorted(set(recorded[part]) | set(locked[part]))
            if recorded[part].get(name) != locked[part].get(name)
        ]
        raise HourglassError(
            f"the output of {stage} was made from another {moved[0]} than dvc.lock says; run `dvc repro --force "
            f"--single-item {stage}`."
        )
    return recorded


def ingested_data(project: Project) -> str:
    """Give DVC's hash of the raw snapshot that the data set was made from."""
    return str(recorded_inputs(project, "ingest")["deps"]["data"])


def data_differs(project: Project) -> bool:
    """Tell whether ``data/`` holds something else than ``data.dvc`` says, wherever DVC's cache stands."""

    def compared(repo: Any) -> bool:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return bool(out.get_hash() != out.hash_info)

    return _ask(project, compared)


def data_hash(project: Project) -> str:
    """Give DVC's hash of what ``data.dvc`` says."""

    def read(repo: Any) -> str:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return str(out.hash_info.value)

    return _ask(project, read)


def data_is_kept(project: Project) -> bool:
    """Tell whether DVC's cache holds what is in ``data/`` now, so that another version may take its place."""

    def found(repo: Any) -> bool:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return bool(out.cache.exists(out.get_hash().value))

    return _ask(project, found)


def version_data(project: Project, part: str = "data") -> None:
    """Have DVC version ``data/``, or a folder in it.

    Raises
    ------
    HourglassError
        DVC failed, or its cache doesn't hold all files: DVC passes over what it has no room for. ``data.dvc`` is then
        as before.
    """
    pointer = project.root / "data.dvc"
    before = pointer.read_bytes() if pointer.exists() else None
    try:
        run_dvc(project, ["add", "--quiet", part])
        _require_cached(project, part)
    except BaseException:
        if before is None:
            pointer.unlink(missing_ok=True)
        elif pointer.read_bytes() != before:
            pointer.write_bytes(before)
        raise


def _require_cached(project: Project, part: str) -> None:
    def lacks(repo: Any) -> bool:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return bool(out.changed_cache(None if part == "data" else str(project.root / part)))

    if _ask(project, lacks):
        raise HourglassError(
            f"DVC's cache doesn't hold all of {part} after `dvc add`; is the disk full? Make room and run this again."
        )


class CommandInterruptedError(HourglassError):
    """A command ended without a reason of its own: killed, or a lock or the network was in the way."""


def reproduce(
    project: Project, stage: str, on_line: Callable[[str], object], env: Mapping[str, str] | None = None
) -> bool:
    """Run one stage by DVC, as a child process.

    Parameters
    ----------
    project : Project
    stage : str
    on_line : callable
        Called with each line that DVC or the stage prints.
    env : dict, optional
        Variables for the stage besides those of this process.

    Returns
    -------
    bool
        Whether it ran; False where DVC had its outputs in its cache.

    Raises
    ------
    CommandInterruptedError
        The stage, or DVC, was stopped by something outside.
    HourglassError
        The stage failed; the message is what it said.
    """
    said = run_dvc(project, ["--wait-for-lock", "repro", "--single-item", stage], on_line, env)
    return any(line.startswith("Running stage") for line in said)


def run_dvc(
    project: Project,
    arguments: list[str],
    on_line: Callable[[str], object] = lambda line: None,  # noqa: ARG005
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a command of DVC as a child process, with variables of its own, and give the lines that it printed.

    See `reproduce` for the rest.
    """
    _work_without_git(project)
    return run_child(project, "dvc", arguments, on_line, env)


def run_child(
    project: Project,
    module: str,
    arguments: list[str],
    on_line: Callable[[str], object],
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a Python module in the project's root as a child that ends with this process; see `run_dvc`."""
    said = []
    with subprocess.Popen(  # noqa: S603
        child_command(module, *arguments),
        cwd=project.root,
        env=child_environment() | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None  # noqa: S101
        try:
            for line in map(str.strip, child.stdout):
                said.append(line)
                if line and not line.startswith(_HINTS):
                    on_line(line)
        except BaseException:
            child.terminate()
            raise
    if child.returncode != 0:
        raise _failure(said, f"{module} {' '.join(arguments)}")
    return said


def _failure(said: list[str], command: str) -> HourglassError:
    """Find in what a command printed why it failed."""
    own = [line.removeprefix(ERROR_PREFIX) for line in said if line.startswith(ERROR_PREFIX)]
    if own:
        return HourglassError(own[-1])
    lines = [line for line in said if line]
    dvc = next((line for line in reversed(lines) if line.startswith("ERROR:")), "")
    if re.search(r"exited with (?!137|143)[1-9]", dvc):
        reason = next((line for line in reversed(lines) if not line.startswith("ERROR:")), "it printed nothing")
        return HourglassError(f"{dvc.removeprefix('ERROR: ')}: {reason}")
    return CommandInterruptedError(dvc or (lines or [f"{command} printed nothing"])[-1])


#: What DVC tells a person who types its commands.
_HINTS = ("To track the changes", "git add", "To enable auto staging", "dvc config core.autostage", "Use `dvc push`")

#: What the command line puts before a message for people.
ERROR_PREFIX = "hourglass: "


def child_environment() -> dict[str, str]:
    """Give children this environment's commands, whether or not it is activated."""
    commands = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join([commands, os.environ.get("PATH", "")]), "DVC_NO_ANALYTICS": "1"}


def _work_without_git(project: Project) -> None:
    """Tell DVC, in its local settings, where there is no git (an unpacked archive, a copied folder)."""
    if (project.root / ".dvc").is_dir() and not any((folder / ".git").exists() for folder in _upwards(project.root)):
        from dvc.config import Config

        config = Config(dvc_dir=str(project.root / ".dvc"), validate=False)
        if not config["core"].get("no_scm"):
            with config.edit("local") as local:
                local.setdefault("core", {})["no_scm"] = True


def _upwards(folder: Path) -> tuple[Path, ...]:
    return (folder, *folder.parents)


def _ask(project: Project, question: Callable[[Any], Answer]) -> Answer:
    """Ask DVC's repository, and again for a while where another DVC is in the way: it writes dvc.lock in place."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    _work_without_git(project)
    end = time.monotonic() + dvc_lock.PATIENCE_SECONDS
    while True:
        try:
            with Repo(str(project.root), _wait_for_lock=True) as repo:
                return question(repo)
        except DvcException as problem:
            in_the_way = isinstance(problem, LockError) or project.lock_file.name in str(problem)
            if not in_the_way or time.monotonic() > end:
                raise HourglassError(f"DVC can't read the pipeline: {problem}") from problem
        time.sleep(dvc_lock.PAUSE_SECONDS)
