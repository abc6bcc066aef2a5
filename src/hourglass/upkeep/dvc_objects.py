"""DVC's cache: every object against its own name."""

from collections.abc import Iterator
from pathlib import Path

from hourglass.dvc_cache import FOLDER, Cache
from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed

_REFETCH = (
    "run `hourglass verify --fix`: it moves the object away, so that DVC can't check it out, and brings it back from "
    "the workspace or the remote where they have it"
)
_DROP = "run `hourglass verify --fix`: it moves the entry away; at worst its stage runs once more"


def check(project: Project) -> Iterator[Hashed]:
    """Hash every object of the cache, and read every entry of the run cache."""
    cache = Cache.of(project)
    for md5, path in cache.objects():
        yield Hashed.held(path, _shown(project, path), md5.removesuffix(FOLDER), _REFETCH)
    for path in sorted(cache.runs.glob("*/*/*")):
        yield _run_entry(path, _shown(project, path))


def _run_entry(path: Path, name: str) -> Hashed:
    """Hold an entry of the run cache against its own name, which is a hash of its content."""
    from dvc.stage.cache import _get_cache_hash
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    size = path.stat().st_size
    try:
        content = YAML(typ="safe").load(path)
        sound = _get_cache_hash(content) == path.name and _get_cache_hash(content, key=True) == path.parent.name
    except (YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        return Hashed(name, size, "can't be read as YAML", _DROP, path=path)
    return Hashed(name, size, "" if sound else "differs from its hash", "" if sound else _DROP, path=path)


def _shown(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else str(path)
