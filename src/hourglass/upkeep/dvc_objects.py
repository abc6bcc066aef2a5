"""DVC's cache on disk: objects named by the md5 of their bytes, lists of folders, the run cache."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed, hash_of

_FOLDER = ".dir"
_REFETCH = (
    "run `hourglass verify --fix`: it moves the object away, so that DVC can't check it out, and brings it back from "
    "the workspace or the remote where they have it"
)
_DROP = "run `hourglass verify --fix`: it moves the entry away; at worst its stage runs once more"


@dataclass(frozen=True)
class Cache:
    """DVC's cache.

    Parameters
    ----------
    folder : Path
        Where it is, as ``cache.dir`` says.
    """

    folder: Path

    @classmethod
    def of(cls, project: Project) -> "Cache":
        """Find the cache of a checkout."""
        from dvc.config import Config

        dvc = project.root / ".dvc"
        where = Config(dvc_dir=str(dvc))["cache"].get("dir")
        return cls(dvc / "cache" if where is None else Path(where))

    @property
    def runs(self) -> Path:
        """The run cache."""
        return self.folder / "runs"

    def path(self, md5: str) -> Path:
        """Tell where an object is, or would be."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def md5(self, path: Path) -> str:
        """Read from the path of an object what its hash should be."""
        return path.parent.name + path.name

    def objects(self) -> Iterator[tuple[str, Path]]:
        """Give all objects with the hash that their name promises; temporary files of a running DVC are none."""
        for path in sorted((self.folder / "files" / "md5").glob("[0-9a-f][0-9a-f]/*")):
            md5 = self.md5(path)
            if len(md5.removesuffix(_FOLDER)) == 32 and path.is_file():
                yield md5, path

    def listed(self, md5: str) -> dict[str, str] | None:
        """Read the list of a folder: relative path to md5; None where the list isn't here or is damaged."""
        path = self.path(md5)
        if not path.is_file() or hash_of(path) + _FOLDER != md5:
            return None
        return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8"))}


def is_folder(md5: str) -> bool:
    """Tell whether a hash of DVC's is that of a folder."""
    return md5.endswith(_FOLDER)


def folder_hash(files: dict[str, str]) -> str:
    """Hash a folder as DVC does, from the md5 of each file."""
    return hashlib.md5(folder_list(files), usedforsecurity=False).hexdigest() + _FOLDER


def folder_list(files: dict[str, str]) -> bytes:
    """Write the list of a folder as DVC does, from the md5 of each file."""
    listed = [{"md5": md5, "relpath": name} for name, md5 in sorted(files.items())]
    return json.dumps(listed, sort_keys=True).encode()


def check(project: Project) -> Iterator[Hashed]:
    """Hash every object of the cache, and read every entry of the run cache."""
    cache = Cache.of(project)
    for md5, path in cache.objects():
        yield Hashed.held(path, _shown(project, path), md5.removesuffix(_FOLDER), _REFETCH)
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
