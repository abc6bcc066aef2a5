"""What lies in the checkout against what DVC recorded: outputs by ``dvc.lock``, ``data/`` by ``data.dvc``."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from hourglass import dvc_lock
from hourglass.dvc_cache import Cache, folder_hash, folder_list, is_folder, md5_of
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed

_DATA, _DATA_FOLDER = "data.dvc", "data"


def check(project: Project) -> Iterator[Hashed]:
    """Hash all that DVC says is here."""
    known, unread = recorded(project)
    yield from unread
    cache, ignored = Cache.of(project), _ignored(project)
    for path, md5 in known.items():
        place = project.root / path
        if not place.exists():
            yield Hashed(path, absent=True)
        elif is_folder(md5):
            yield from _folder(place, path, md5, cache.listed(md5), ignored)
        else:
            yield Hashed.held(place, path, md5, _fix(path, path))


def recorded(project: Project) -> tuple[dict[str, str], list[Hashed]]:
    """Give DVC's hash of every path that it recorded, and its files that can't be read."""
    known: dict[str, str] = {}
    unread = []
    for file, read, fix in (
        (_DATA, _data, "take one side of a merge conflict, or bring it back with `git checkout -- data.dvc`"),
        ("dvc.lock", _made, "run `hourglass run`, which mends it, or `git checkout -- dvc.lock`"),
    ):
        try:
            known |= read(project)
        except HourglassError:
            unread.append(Hashed(file, problem="can't be read", fix=fix))
    return known, unread


def outputs(project: Project) -> list[str]:
    """Name what the stages made; where ``dvc.lock`` is damaged, nobody knows."""
    return [path for path in recorded(project)[0] if path != _DATA_FOLDER]


def objects(project: Project, wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
    """Find objects of DVC's cache among what lies in the checkout: hash and content."""
    ignored = _ignored(project)
    for path, md5 in recorded(project)[0].items():
        place = project.root / path
        if not place.exists():
            continue
        files = _files(place, ignored) if place.is_dir() else {"": place}
        hashes = {inner: md5_of(file) for inner, file in files.items()}
        yield from ((hashes[inner], file.read_bytes()) for inner, file in files.items() if hashes[inner] in wanted)
        if is_folder(md5) and md5 in wanted and folder_hash(hashes) == md5:
            yield md5, folder_list(hashes)


def _data(project: Project) -> dict[str, str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = project.root / _DATA
    if not path.is_file():
        return {}
    try:
        content: Any = YAML(typ="safe").load(path)
        return {_DATA_FOLDER: str(content["outs"][0]["md5"])}
    except (YAMLError, UnicodeDecodeError, LookupError, TypeError) as damaged:
        raise HourglassError(f"{path} is damaged: {damaged}") from damaged


def _made(project: Project) -> dict[str, str]:
    """Give what the stages made."""
    entries = dvc_lock.entries(project).values()
    return {out["path"]: out["md5"] for entry in entries for out in entry.get("outs", ())}


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
        yield _unlisted(place, here, name, md5)
        return
    for inner, expected in listed.items():
        yield Hashed.held(place / inner, f"{name}/{inner}", expected, _fix(f"{name}/{inner}", name))
    for inner in sorted(set(here) - set(listed)):
        path = here[inner]
        size = path.stat().st_size
        yield Hashed(f"{name}/{inner}", size, "is no part of what was recorded", _stray(name), path=path)


def _files(place: Path, ignored: Callable[[Path], bool]) -> dict[str, Path]:
    files = (path for path in sorted(place.rglob("*")) if path.is_file() and not ignored(path))
    return {path.relative_to(place).as_posix(): path for path in files}


def _unlisted(place: Path, here: dict[str, Path], name: str, md5: str) -> Hashed:
    """Judge a folder as a whole, where DVC's list of its files is gone."""
    size = sum(path.stat().st_size for path in here.values())
    if folder_hash({inner: md5_of(path) for inner, path in here.items()}) == md5:
        return Hashed(name, size)
    return Hashed(
        name,
        size,
        "differs as a whole from what was recorded (DVC's cache has no list of its files, so none can be named)",
        f"run `dvc fetch {name}` where a remote has it and verify again, or delete {name} and run `hourglass run`",
        path=place,
    )


def _fix(path: str, recorded: str) -> str:
    if recorded == _DATA_FOLDER:
        return (
            f"if you changed it yourself, `hourglass run` versions the change; otherwise delete {path} and run "
            "`dvc checkout data.dvc`"
        )
    return f"run `hourglass verify --fix`, or delete {path} and run `dvc checkout {recorded}`; else `hourglass run`"


def _stray(recorded: str) -> str:
    if recorded == _DATA_FOLDER:
        return "if it belongs to the data, `hourglass run` versions it; otherwise delete it"
    return "delete it; `hourglass verify --fix` moves it away"
