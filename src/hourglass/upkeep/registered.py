"""The registered versions: every file against its manifest, and the manifest against the version's tag."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry import store, tracking, versions
from hourglass.runtime.manifest import MANIFEST
from hourglass.upkeep import sqlite
from hourglass.upkeep.hashed import Hashed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_LOST = (
    "run `hourglass verify --fix`, which takes the file from DVC's cache or the workspace where they have it; else "
    "`hourglass rollback` to a sound version"
)
_BACKUP = "put back its artifacts from a backup of the MLflow store, or `hourglass rollback` to a sound version"


def check(project: Project) -> Iterator[Hashed]:
    """Hash the files of every version of every registered name that this project made."""
    database = store.embedded_database(project)
    if database is not None:
        if not database.is_file():
            return
        found = _database(project, database)
        yield found
        if found.problem:
            return
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        for entry in client.search_model_versions():
            if versions.MANIFEST_HASH in entry.tags:
                with _files(client, entry) as (folder, copied):
                    files = _version(entry, folder)
                    yield from map(_elsewhere, files) if copied else files


def _database(project: Project, database: Path) -> Hashed:
    """Let SQLite look for damage in its own file.

    Raises
    ------
    HourglassError
        It can't be read now, which says nothing of damage.
    """
    name, size = database.relative_to(project.home).as_posix(), database.stat().st_size
    try:
        with sqlite.reading(database) as opened:
            (said,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as problem:
        if not sqlite.is_damage(problem):
            raise HourglassError(
                f"{name} can't be read now ({problem}); verify again when nothing uses it."
            ) from problem
        said = str(problem)
    fix = "put back a copy of it, or save what can be read: `sqlite3 mlflow.db .recover | sqlite3 new.db`"
    return Hashed(name, size) if said == "ok" else Hashed(name, size, f"is damaged: {said}", fix)


@contextmanager
def _files(client: "MlflowClient", entry: "ModelVersion") -> Iterator[tuple[Path, bool]]:
    """Give the folder of a version: in place where the store is on this machine, else a copy (then True)."""
    where = urlsplit(client.get_model_version_download_uri(entry.name, entry.version))
    if where.scheme in {"", "file"}:
        yield Path(url2pathname(where.path)), False
        return
    import mlflow

    with tempfile.TemporaryDirectory(prefix="hourglass-verify-") as folder:
        yield Path(mlflow.artifacts.download_artifacts(f"models:/{entry.name}/{entry.version}", dst_path=folder)), True


def _elsewhere(file: Hashed) -> Hashed:
    """Forget the copy of a file that is kept by a server."""
    return replace(file, path=None, fix=_BACKUP if file.problem else "")


def _version(entry: "ModelVersion", folder: Path) -> Iterator[Hashed]:
    name = f"models:/{entry.name}/{entry.version}"
    package = folder / "artifacts" / entry.tags[tracking.VARIANT]
    if not folder.is_dir():
        fix = f"was the project moved? Run `hourglass doctor`; otherwise {_BACKUP}"
        yield Hashed(name, problem=f"has no files at {folder}", fix=fix)
        return
    manifest = Hashed.held(
        package / MANIFEST, f"{name}: {MANIFEST}", entry.tags[versions.MANIFEST_HASH], _LOST, "sha256"
    )
    yield manifest
    if manifest.problem:
        return
    expected: dict[str, str] = json.loads((package / MANIFEST).read_text(encoding="utf-8"))
    for inner, sha256 in expected.items():
        yield Hashed.held(package / inner, f"{name}: {inner}", sha256, _LOST, "sha256")
    # what MLflow runs is a copy beside the package
    yield Hashed.held(folder / "shim.py", f"{name}: its copy of shim.py", expected["shim.py"], _LOST, "sha256")
    for path in sorted(package.rglob("*")):
        inner = path.relative_to(package).as_posix()
        if path.is_file() and inner not in {*expected, MANIFEST} and "__pycache__" not in path.parts:
            fix = "delete it; `hourglass verify --fix` moves it away"
            yield Hashed(f"{name}: {inner}", path.stat().st_size, "is no part of what was registered", fix, path=path)
