"""DVC's graph, asked and run: ``dvc.yaml`` is the only list of stages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hourglass import dvc_lock, dvc_repo
from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.project import Project


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

    return dvc_repo.ask(project, listed)


def _address(project: Project, node: Any) -> str:
    """Name a node as seen from the project's root, wherever this process stands."""
    return str(getattr(node, "name", None) or Path(node.path).relative_to(project.root).as_posix())


def changed(project: Project, stage: str) -> bool:
    """Tell whether a stage has to run: its inputs, outputs or command differ from ``dvc.lock``."""
    return dvc_repo.ask(project, lambda repo: bool(repo.status([f"{project.root / 'dvc.yaml'}:{stage}"])))


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
    said = dvc_repo.run(project, ["--wait-for-lock", "repro", "--single-item", stage], on_line, env)
    return any(line.startswith("Running stage") for line in said)


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

    return dvc_repo.ask(project, read)


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
