"""DVC's cache on disk: objects named by the md5 of their bytes, lists of folders, the run cache."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import HourglassError
from hourglass.project import Project

FOLDER = ".dir"


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
        """Find the cache of a checkout.

        Raises
        ------
        HourglassError
            DVC's settings are missing or can't be read.
        """
        from dvc.config import Config
        from dvc.exceptions import DvcException

        dvc = project.root / ".dvc"
        if not dvc.is_dir():
            raise HourglassError(f"{dvc} is missing; restore it with `git checkout -- .dvc`.")
        try:
            where = Config(dvc_dir=str(dvc))["cache"].get("dir")
        except DvcException as broken:
            raise HourglassError(f"DVC's settings in {dvc} can't be read ({broken}); mend the file.") from broken
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
            if len(md5.removesuffix(FOLDER)) == 32 and path.is_file():
                yield md5, path

    def listed(self, md5: str) -> dict[str, str] | None:
        """Read the list of a folder: relative path to md5; None where the list isn't here or is damaged."""
        path = self.path(md5)
        if not path.is_file() or md5_of(path) + FOLDER != md5:
            return None
        return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8"))}


def is_folder(md5: str) -> bool:
    """Tell whether a hash of DVC's is that of a folder."""
    return md5.endswith(FOLDER)


def folder_hash(files: dict[str, str]) -> str:
    """Hash a folder as DVC does, from the md5 of each file."""
    return hashlib.md5(folder_list(files), usedforsecurity=False).hexdigest() + FOLDER


def folder_list(files: dict[str, str]) -> bytes:
    """Write the list of a folder as DVC does, from the md5 of each file."""
    listed = [{"md5": md5, "relpath": name} for name, md5 in sorted(files.items())]
    return json.dumps(listed, sort_keys=True).encode()


def md5_of(path: Path) -> str:
    """Hash the bytes of a file as DVC does, but never from DVC's memory of hashes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
