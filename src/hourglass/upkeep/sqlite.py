"""The file of the embedded MLflow store, read and mended without MLflow: it may be what keeps MLflow from starting."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Where MLflow keeps paths of ours.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
_ARTIFACTS = "/mlruns/artifacts"


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to read it; SQLite only undoes what a killed writer left half written."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)) as opened:
        opened.execute("PRAGMA query_only = ON")
        yield opened


def is_damage(problem: sqlite3.DatabaseError) -> bool:
    """Tell whether the file itself is broken: one that is locked or may not be written is whole."""
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def set_aside(database: Path) -> Path:
    """Rename a database together with its journals, without which it is another one."""
    target = database.with_name(f"{database.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}.unreadable")
    for suffix in ("-journal", "-wal", "-shm", ""):
        part = Path(f"{database}{suffix}")
        if part.exists():
            part.rename(f"{target}{suffix}")
    return target


def tables(opened: sqlite3.Connection) -> set[str]:
    """Name the tables of a database."""
    return {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def former_homes(database: Path, mlruns: Path) -> set[str]:
    """Give the URIs of other ``mlruns/`` folders that the store says its artifacts are in."""
    with reading(database) as opened:
        if "experiments" not in tables(opened):
            return set()
        locations = [str(location) for (location,) in opened.execute("SELECT artifact_location FROM experiments")]
    homes = {location.removesuffix("/artifacts") for location in locations if location.endswith(_ARTIFACTS)}
    return homes - {mlruns.as_uri()}


def move_paths(database: Path, former: set[str], mlruns: Path) -> int:
    """Rewrite all paths below former homes, in one transaction; give how many."""
    count = 0
    with closing(sqlite3.connect(database, timeout=60)) as opened, opened:
        opened.execute("BEGIN IMMEDIATE")
        for home in former:
            ways = {home: mlruns.as_uri(), unquote(urlsplit(home).path): str(mlruns)}
            for table, column in _PLACES:
                if column not in {row[1] for row in opened.execute(f"PRAGMA table_info({table})")}:
                    continue
                for old, new in ways.items():
                    below = f"{column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'"
                    change = f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) WHERE {below}"  # noqa: S608
                    count += opened.execute(change, {"old": old, "new": new}).rowcount
    return count


def back_up(database: Path) -> Path:
    """Copy a database, also while others write to it."""
    copy = database.with_name(f"{database.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}.backup")
    with reading(database) as opened, closing(sqlite3.connect(copy)) as target:
        opened.backup(target)
    return copy
