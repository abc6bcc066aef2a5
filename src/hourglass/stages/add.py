"""New data beside the old, under DVC and on its branch; what doesn't fit is put aside with a report."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hourglass import databranch, dvc_data, dvc_repo
from hourglass import params as settings_file
from hourglass.dvc_cache import Cache
from hourglass.errors import HourglassError
from hourglass.files import whole, write_json
from hourglass.git import commit_of, has_repository
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.stages.snapshot import DATA_STAGE, bring, has_remote
from hourglass.worktrees import worktree

_REPORT = "report.json"


@dataclass(frozen=True)
class Shard:
    """What became of new data.

    Parameters
    ----------
    name : str
        Its folder in ``data/``.
    new : bool
        False where the same data is there already.
    commit : str or None
        The newest commit of the data branch; None without git.
    remarks : list of str
        What should be known of it: categories that the schema doesn't know.
    """

    name: str
    new: bool
    commit: str | None
    remarks: list[str] = field(default_factory=list)


def add(project: Project, source: Path, pair: Path | None = None) -> Shard:
    """Put new data beside the present, as a dated shard.

    With git it goes to the branch ``hourglass/data`` and the checkout stays as it is; none of the old rows are fetched
    for that. Without, it goes into ``data/``.

    Raises
    ------
    HourglassError
        The data can't be read, doesn't fit the snapshot or can't be sent to the DVC remote; nothing is added then. Data
        that doesn't fit is copied to the quarantine.
    """
    source, pair = source.absolute(), pair and pair.absolute()
    with locked(project, "the data"):
        if not has_repository(project.root):
            name, new, remarks = _add(project, project, source, pair)
            return Shard(name, new, None, remarks)
        databranch.require_start(project)
        head = commit_of(project.root, "HEAD")
        with worktree(project, head) as apart:
            databranch.take(apart, databranch.newest(project, head))
            name, new, remarks = _add(project, apart, source, pair)
            if new:
                if has_remote(apart):  # who sees the branch shall find its data
                    dvc_repo.run(apart, ["push", "--quiet", DATA_STAGE])
                databranch.advance(project, apart, f"Add {source.name} as {name}")
            return Shard(name, new, databranch.newest(project, head), remarks)


def _add(project: Project, apart: Project, source: Path, pair: Path | None) -> tuple[str, bool, list[str]]:
    from hourglass.data import shards

    params, now = settings_file.load(apart.params_file), datetime.now(UTC)
    with locked(apart, str(apart.data)):
        absent = _bring_schema(apart, params)
        data = params.data.model_copy(update={"pair": str(pair) if pair else None})
        try:
            added = shards.add(source, apart.data, data, now, absent, params.split)
        except HourglassError as problem:
            if not source.exists():
                raise
            aside = _put_aside(project, source, str(problem), now)
            raise HourglassError(f"{problem} data/ is as before; {aside}") from problem
        if added.new:
            try:
                dvc_data.version(apart, f"data/{added.name}")
            except HourglassError:
                shutil.rmtree(apart.data / added.name)
                raise
    return added.name, added.new, added.remarks


def _bring_schema(project: Project, params: settings_file.Params) -> set[str]:
    """Make sure that what new data is held against is here, and name the shards that aren't."""
    if project.data.exists():
        bring(project, params)
        return set()
    needed = ["data/snapshot.json", "data/schema.json"]
    try:
        dvc_repo.run(project, [*(["pull"] if has_remote(project) else ["checkout"]), "--quiet", *needed])
        listed = Cache.of(project).listed(dvc_data.hash_of(project))
    except HourglassError:
        listed = None
    if listed is None or not all((project.root / name).exists() for name in needed):
        bring(project, params)
        return set()
    return {name.split("/")[0] for name in listed if "/" in name}


def _put_aside(project: Project, source: Path, problem: str, now: datetime) -> str:
    """Copy data that doesn't fit, and say why it doesn't; give a sentence that tells where."""
    aside = project.state / "quarantine" / f"{now:%Y%m%dT%H%M%S.%f}"
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        with whole(aside) as place:
            place.mkdir()
            if source.is_dir():
                shutil.copytree(source, place / source.name, symlinks=True)
            else:
                shutil.copyfile(source, place / source.name)
            write_json(place / _REPORT, {"source": source.name, "problem": problem, "time": now.isoformat()})
    except OSError as uncopied:  # the disk is full or files can't be read, which may be the problem itself
        return f"the data can't be copied to the quarantine ({uncopied.strerror or 'not all of it can be read'})."
    return f"the data and a report are in {aside}."
