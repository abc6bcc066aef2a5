"""The MLflow store: there, whole, of this MLflow, where it says it is, and without runs that nobody works on."""

import re
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from hourglass import children
from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.project import Project
from hourglass.registry import store, tracking
from hourglass.upkeep import sqlite
from hourglass.upkeep.finding import Finding, ok

_RUNNING = "SELECT run_uuid, name FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'"


def reachable(project: Project) -> Finding:
    """Ask the server, if one is set."""
    name, where = "MLflow", store.uri(project)
    if store.embedded_database(project) is not None:
        return ok(name, f"embedded store at {project.mlruns}")
    try:
        store.require_server(where)
    except HourglassError as down:
        return Finding(name, "bad", str(down), "start the server, or unset MLFLOW_TRACKING_URI")
    return ok(name, f"{store.without_password(where)} answers")


def schema(project: Project) -> Finding | None:
    """Compare the tables' version with the one that the installed MLflow wants."""
    name, database = "MLflow's tables", _database(project)
    if database is None:
        return None
    try:
        with sqlite.reading(database) as opened:
            current = _version(opened)
    except sqlite3.DatabaseError as problem:
        return _unreadable(project, database, problem)
    wanted, revisions = _revisions()
    if current == wanted:
        return ok(name, f"are those of the installed MLflow ({wanted})")
    if current and current not in revisions:
        fix = "install from requirements.lock: a store can't go back to an older MLflow"
        return Finding(name, "bad", f"are of a newer MLflow ({current}) than the installed one ({wanted})", fix)
    said = f"are half made or half migrated (at {current or 'nothing'}, the installed MLflow wants {wanted})"
    fix = "run `hourglass doctor --fix`, which makes a copy and runs `mlflow db upgrade`"
    return Finding(name, "bad", said, fix, lambda: _migrate(project, database, wanted))


def place(project: Project) -> Finding | None:
    """Find out whether the project was moved since its store was made, which holds absolute paths."""
    name, database = "place of the store", _readable(project)
    if database is None:
        return None
    former = sqlite.former_homes(database, project.mlruns)
    if not former:
        return ok(name, "its paths are those of this folder")
    said = f"this project was moved or copied: the store's paths are below {', '.join(sorted(former))}"
    if not (project.mlruns / "artifacts").is_dir():
        fix = f"bring mlruns/artifacts here too, or delete {database} to start with an empty store"
        return Finding(name, "bad", f"{said}, and there are no artifacts here", fix)
    fix = "run `hourglass doctor --fix`, which makes a copy and rewrites the paths; or move the project back"
    return Finding(name, "bad", said, fix, lambda: _move(project, database, former))


def runs(project: Project) -> Finding | None:
    """Look for MLflow runs that are called running though no process works on them."""
    name, database = "MLflow runs", _readable(project)
    if database is None:
        return None
    with sqlite.reading(database) as opened:
        if "runs" not in sqlite.tables(opened):
            return ok(name, "there are none")
        running = {run: (title, _tags(opened, run)) for run, title in opened.execute(_RUNNING)}
    left = {run: title for run, (title, tags) in running.items() if not _held(project, tags)}
    if not left:
        return ok(name, "none is left behind")
    fix = "run `hourglass doctor --fix`, which marks them as killed; `hourglass run` completes what is finished"
    said = f"no process works on {', '.join(left.values())}, which MLflow calls running"
    return Finding(name, "warn", said, fix, lambda: _end(project, left))


def _database(project: Project) -> Path | None:
    database = store.embedded_database(project)
    return database if database is not None and database.is_file() else None


def _readable(project: Project) -> Path | None:
    """Give the database where it can be read; that it can't is said once, by `schema`."""
    database = _database(project)
    try:
        if database is not None:
            with sqlite.reading(database) as opened:
                sqlite.tables(opened)
    except sqlite3.DatabaseError:
        return None
    return database


def _version(opened: sqlite3.Connection) -> str:
    if "alembic_version" not in sqlite.tables(opened):
        return ""
    found = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def _revisions() -> tuple[str, set[str]]:
    """Give the version of the tables that the installed MLflow wants, and all that it knows.

    Read from the text of its migrations: running them, as alembic does, takes seconds and needs a sound installation.
    """
    spec = find_spec("mlflow")
    assert spec is not None  # noqa: S101
    assert spec.origin is not None  # noqa: S101
    migrations = (Path(spec.origin).parent / "store" / "db_migrations" / "versions").glob("*.py")
    lines = "\n".join(path.read_text(encoding="utf-8") for path in migrations)
    known = set(re.findall(r"^revision = [\"'](\w+)", lines, re.MULTILINE))
    before = " ".join(re.findall(r"^down_revision = (.+)", lines, re.MULTILINE))
    (wanted,) = known - set(re.findall(r"\w+", before))
    return wanted, known


def _unreadable(project: Project, database: Path, problem: sqlite3.DatabaseError) -> Finding:
    """Tell a file that is broken, which may be moved aside, from one that others hold or that has other rights."""
    name = "MLflow's database"
    if not sqlite.is_damage(problem):
        fix = "end what writes to it, or give yourself the right to write to it and its folder"
        return Finding(name, "bad", f"{database} can't be read now ({problem}); it may well be whole", fix)
    fix = "put back a copy of mlruns/mlflow.db, or `hourglass doctor --fix` moves it aside and starts an empty one"
    said = f"{database} is damaged ({problem})"
    return Finding(name, "bad", said, fix, lambda: _set_aside(project, database))


def _set_aside(project: Project, database: Path) -> str:
    with locked(project, "mlflow store"):
        target = sqlite.set_aside(database)
    return f"{database} was moved to {target}; the next run makes an empty store"


def _migrate(project: Project, database: Path, wanted: str) -> str:
    """Have MLflow bring the tables up to date; an empty store that it can't mend is made anew."""
    copy = sqlite.back_up(database)
    with locked(project, "mlflow store"):
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", store.uri(project)]
        done = subprocess.run(command, env=children.environment(), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode == 0:
            return f"the tables were brought to {wanted}; the store as it was is {copy}"
        shutil.copyfile(copy, database)
        with sqlite.reading(database) as opened:
            empty = "runs" not in sqlite.tables(opened) or not opened.execute("SELECT 1 FROM runs LIMIT 1").fetchone()
        if not empty:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise HourglassError(f"`mlflow db upgrade` failed ({said}); the store is as it was, a copy is {copy}.")
        database.unlink()
        return f"the store was half made and held no run; it was moved to {copy}, and the next run makes another"


def _move(project: Project, database: Path, former: set[str]) -> str:
    copy = sqlite.back_up(database)
    with locked(project, "mlflow store"):
        count = sqlite.move_paths(database, former, project.mlruns)
    return f"{count} paths in the store were set to {project.mlruns}; the store as it was is {copy}"


def _tags(opened: sqlite3.Connection, run: str) -> dict[str, str]:
    return dict(opened.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run,)))


def _held(project: Project, tags: dict[str, str]) -> bool:
    """Tell whether a process works on a run: it then holds the run's lock. Those that others made are not judged."""
    own = {key: tags[key] for key in (tracking.VARIANT, tracking.INPUT_KEY, tracking.FINGERPRINT) if key in tags}
    if len(own) < 3:
        return True
    with locked(project, tracking.lock_of(own), wait=False) as free:
        return not free


def _end(project: Project, left: dict[str, str]) -> str:
    client = store.connect(project)
    for run in left:
        client.set_terminated(run, "KILLED")
    return f"marked as killed: {', '.join(left.values())}"
