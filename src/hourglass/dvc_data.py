"""``data/`` as DVC versions it, in ``data.dvc``."""

from typing import Any

from hourglass import dvc_repo
from hourglass.errors import HourglassError
from hourglass.project import Project


def differs(project: Project) -> bool:
    """Tell whether ``data/`` holds something else than ``data.dvc`` says, wherever DVC's cache stands."""

    def compared(repo: Any) -> bool:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return bool(out.get_hash() != out.hash_info)

    return dvc_repo.ask(project, compared)


def hash_of(project: Project) -> str:
    """Give DVC's hash of what ``data.dvc`` says."""

    def read(repo: Any) -> str:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return str(out.hash_info.value)

    return dvc_repo.ask(project, read)


def is_kept(project: Project) -> bool:
    """Tell whether DVC's cache holds what is in ``data/`` now, so that another version may take its place."""

    def found(repo: Any) -> bool:
        (out,) = repo.stage.load_one(str(project.root / "data.dvc")).outs
        return bool(out.cache.exists(out.get_hash().value))

    return dvc_repo.ask(project, found)


def version(project: Project, part: str = "data") -> None:
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
        dvc_repo.run(project, ["add", "--quiet", part])
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

    if dvc_repo.ask(project, lacks):
        raise HourglassError(
            f"DVC's cache doesn't hold all of {part} after `dvc add`; is the disk full? Make room and run this again."
        )
