"""What ``hourglass verify --fix`` does.

Nothing damaged or unknown is deleted: it moves to ``.hourglass/quarantine``, each time to a folder of that time's own.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hourglass import dvc_repo
from hourglass.dvc_cache import Cache
from hourglass.errors import HourglassError
from hourglass.files import sha256_of
from hourglass.project import Project
from hourglass.runtime.manifest import MANIFEST
from hourglass.stages import snapshot
from hourglass.upkeep import registered, workspace
from hourglass.upkeep.hashed import Hashed

#: As DVC keeps its objects.
_READ_ONLY = 0o444


def mend(project: Project, damaged: Mapping[str, Iterable[Hashed]]) -> Iterator[str]:
    """Mend what needs nobody's judgement; ``data/`` in the checkout is never touched.

    Objects of the cache come back from the checkout or a remote, outputs from the cache, files of a version from the
    cache or the checkout.

    Parameters
    ----------
    project : Project
    damaged : mapping of str to iterable of Hashed
        By part, as ``verify`` names them.

    Yields
    ------
    str
        What was done, a line each.
    """
    aside = project.state / "quarantine" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    yield from _mend_cache(project, damaged.get("DVC cache", ()), aside)
    yield from _mend_outputs(project, damaged.get("workspace", ()), aside)
    yield from _mend_versions(project, damaged.get("registry", ()), aside)
    for file in damaged.get("work in progress", ()):
        yield _put_aside(file, aside)


def _mend_cache(project: Project, damaged: Iterable[Hashed], aside: Path) -> Iterator[str]:
    cache, lost = Cache.of(project), set()
    for file in damaged:
        yield _put_aside(file, aside)
        if file.path is not None and not file.path.is_relative_to(cache.runs):
            lost.add(cache.md5(file.path))
    if not lost:
        return
    for md5, content in workspace.objects(project, lost):
        _write(cache.path(md5), content)
        cache.path(md5).chmod(_READ_ONLY)
        lost.discard(md5)
        yield f"object {md5} of DVC's cache was made again from the workspace"
    if lost:
        yield _fetch(project)


def _fetch(project: Project) -> str:
    if not snapshot.has_remote(project):
        return "what was moved and isn't in the workspace is made again by `hourglass run`, once something asks for it"
    try:
        dvc_repo.run(project, ["fetch", "--quiet"])
    except HourglassError as down:
        return f"DVC's remote couldn't be asked for what is left ({down}); `dvc fetch` asks again"
    return "asked DVC's remote for what is left"


def _mend_outputs(project: Project, damaged: Iterable[Hashed], aside: Path) -> Iterator[str]:
    known, outs = workspace.outputs(project), set()
    for file in damaged:
        owner = next((out for out in known if f"{file.name}/".startswith(f"{out}/")), None)
        if owner is not None:
            outs.add(owner)
            yield _put_aside(file, aside)
    for out in sorted(outs):
        try:
            dvc_repo.run(project, ["checkout", "--quiet", "--force", out])
        except HourglassError as missing:
            yield f"{out} couldn't be checked out ({missing}); `hourglass run` makes it again"
        else:
            yield f"{out} was checked out from DVC's cache"


def _mend_versions(project: Project, damaged: Iterable[Hashed], aside: Path) -> Iterator[str]:
    damaged = tuple(damaged)
    wanted: dict[str, list[Hashed]] = {}
    for file in damaged:
        if file.path is None:
            yield f"{file.name} {file.problem}; it can't be mended from here: {file.fix}"
        elif file.expected:
            wanted.setdefault(file.expected, []).append(file)
        else:
            yield _put_aside(file, aside)
    put_back = []
    for sha256, source in _copies(project) if wanted else ():
        for file in wanted.pop(sha256, ()):
            yield _put_back(file, source, aside)
            put_back.append(file)
        if not wanted:
            break
    for file in (file for files in wanted.values() for file in files):
        yield f"{file.name}: no whole copy was found in DVC's cache or the workspace"
    if any(
        file.path is not None and file.path.name == MANIFEST for file in put_back
    ):  # only now is known what it lists
        yield from _mend_versions(
            project, (file for file in registered.check(project) if _is_new(file, damaged)), aside
        )


def _is_new(file: Hashed, damaged: tuple[Hashed, ...]) -> bool:
    return bool(file.problem) and file not in damaged


def _copies(project: Project) -> Iterator[tuple[str, Path]]:
    """Hash what a registered file may be a copy of."""
    for _, path in Cache.of(project).objects():
        yield sha256_of(path), path
    for path in (project.root / "work" / "package").rglob("*"):
        if path.is_file():
            yield sha256_of(path), path


def _put_back(file: Hashed, source: Path, aside: Path) -> str:
    assert file.path is not None  # noqa: S101
    done = _put_aside(file, aside)
    _write(file.path, source.read_bytes())
    return f"{done}; it was put back from {source}"


def _put_aside(file: Hashed, aside: Path) -> str:
    """Move a damaged file, or a folder as a whole, to where it would be below `aside`."""
    if file.path is None or not file.path.exists():
        return f"{file.name} {file.problem}"
    target = aside / file.name.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(file.path, target)
    return f"{file.name} was moved to {target}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
