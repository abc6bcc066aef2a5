"""What lies in the checkout against what DVC recorded: outputs by ``dvc.lock``, ``data/`` by ``data.dvc``."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from hourglass import pipeline
from hourglass.dvc_cache import Cache, folder_hash, folder_list, is_folder, md5_of
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed

_DATA = "data.dvc"


def check(project: Project) -> Iterator[Hashed]:
    """Hash all that DVC says is here."""
    recorded = {"data": _data_hash(project)}
    try:
        recorded |= outputs(project)
    except HourglassError:
        fix = "run `hourglass run`, which mends it, or `git checkout -- dvc.lock`"
        yield Hashed(project.lock_file.name, problem="can't be read", fix=fix)
    cache, ignored = Cache.of(project), _ignored(project)
    for path, md5 in recorded.items():
        place = project.root / path
        if md5 is None or not place.exists():
            yield Hashed(path, absent=True)
        elif is_folder(md5):
            yield from _folder(place, path, md5, cache.listed(md5), ignored)
        else:
            yield Hashed.held(place, path, md5, _fix(path, path))


def outputs(project: Project) -> dict[str, str]:
    """Give what the stages made, as ``dvc.lock`` has it: path to DVC's hash.

    Raises
    ------
    HourglassError
        The file is damaged.
    """
    entries = pipeline.lock_entries(project).values()
    return {out["path"]: out["md5"] for entry in entries for out in entry.get("outs", ())}


def objects(project: Project, wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
    """Find objects of DVC's cache among what lies in the checkout: hash and content."""
    ignored = _ignored(project)
    for path, md5 in ({"data": _data_hash(project)} | outputs(project)).items():
        place = project.root / path
        if md5 is None or not place.exists():
            continue
        files = _files(place, ignored) if place.is_dir() else {"": place}
        hashes = {inner: md5_of(file) for inner, file in files.items()}
        yield from ((hashes[inner], file.read_bytes()) for inner, file in files.items() if hashes[inner] in wanted)
        if is_folder(md5) and md5 in wanted and folder_hash(hashes) == md5:
            yield md5, folder_list(hashes)


def _data_hash(project: Project) -> str | None:
    from ruamel.yaml import YAML

    path = project.root / _DATA
    if not path.is_file():
        return None
    content: Any = YAML(typ="safe").load(path)
    return str(content["outs"][0]["md5"])


def _ignored(project: Project) -> Callable[[Path], bool]:
    """Ask DVC which files it leaves out (``.dvcignore``)."""
    from dvc.repo import Repo

    with Repo(str(project.root)) as repo:
        rules = repo.dvcignore
    return lambda path: bool(rules.is_ignored_file(str(path)) or rules.is_ignored_dir(str(path.parent)))


def _folder(
    place: Path, name: str, md5: str, listed: dict[str, str] | None, ignored: Callable[[Path], bool]
) -> Iterator[Hashed]:
    here = _files(place, ignored)
    if listed is None:
        yield _unlisted(here, name, md5)
        return
    for inner, expected in listed.items():
        yield Hashed.held(place / inner, f"{name}/{inner}", expected, _fix(f"{name}/{inner}", name))
    for inner in sorted(set(here) - set(listed)):
        size = here[inner].stat().st_size
        yield Hashed(f"{name}/{inner}", size, "is no part of what was recorded", _stray(name))


def _files(place: Path, ignored: Callable[[Path], bool]) -> dict[str, Path]:
    files = (path for path in sorted(place.rglob("*")) if path.is_file() and not ignored(path))
    return {path.relative_to(place).as_posix(): path for path in files}


def _unlisted(here: dict[str, Path], name: str, md5: str) -> Hashed:
    """Judge a folder as a whole, where DVC's list of its files is gone."""
    size = sum(path.stat().st_size for path in here.values())
    if folder_hash({inner: md5_of(path) for inner, path in here.items()}) == md5:
        return Hashed(name, size)
    return Hashed(
        name,
        size,
        "differs as a whole from what was recorded (DVC's cache has no list of its files, so none can be named)",
        f"run `dvc fetch {name}` where a remote has it and verify again, or delete {name} and run `hourglass run`",
    )


def _fix(path: str, recorded: str) -> str:
    if recorded == "data":
        return (
            f"if you changed it yourself, `hourglass run` versions the change; otherwise delete {path} and run "
            "`dvc checkout data.dvc`"
        )
    return f"run `hourglass verify --fix`, or delete {path} and run `dvc checkout {recorded}`; else `hourglass run`"


def _stray(recorded: str) -> str:
    if recorded == "data":
        return "if it belongs to the data, `hourglass run` versions it; otherwise delete it"
    return "delete it"
