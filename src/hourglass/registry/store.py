"""The MLflow store: the embedded one under ``mlruns/``, or the server that ``MLFLOW_TRACKING_URI`` names."""

import http.client
import logging
import os
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hourglass.errors import HourglassError
from hourglass.files import whole
from hourglass.locks import locked
from hourglass.project import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient

_REACH_SECONDS = 5
_DATABASE = "mlflow.db"
#: What MLflow's client says where a web page answers.
_PAGE = re.compile(r"\.? Response body: '\s*<.*")
_UNREGISTERED = re.compile(r"(Model Version|Registered Model|Registered model alias) .*not found", re.IGNORECASE)


def uri(project: Project) -> str:
    """Give the tracking URI that this project uses."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _embedded(project)


def _embedded(project: Project) -> str:
    return f"sqlite:///{project.mlruns / _DATABASE}"


def embedded_database(project: Project) -> Path | None:
    """Give the file of the embedded store; None where ``MLFLOW_TRACKING_URI`` names another store."""
    return project.mlruns / _DATABASE if uri(project) == _embedded(project) else None


def connect(project: Project) -> "MlflowClient":
    """Open the store, making the embedded one where there is none.

    Several processes may come first at once; one makes the tables while the others wait.

    Raises
    ------
    HourglassError
        The server can't be reached.
    """
    where = uri(project)
    require_server(where)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with store_errors(where):
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints what it then raises
        with _variables_kept("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            mlflow.set_tracking_uri(where)
            mlflow.set_registry_uri(os.environ.get("MLFLOW_REGISTRY_URI", where))
        if not where.startswith("sqlite"):
            return mlflow.MlflowClient(where)
        project.mlruns.mkdir(parents=True, exist_ok=True)
        with locked(project, "mlflow store"):
            path = embedded_database(project)
            if path is not None and not path.exists():
                _make_database(path)
            _require_database(path, where)
            return mlflow.MlflowClient(where)


def _make_database(path: Path) -> None:
    """Make the embedded store beside its place: MLflow makes table after table, and never mends half of them."""
    import mlflow

    for half in path.parent.glob(f".{path.name}.hourglass.*"):  # of a process that was killed; the lock is ours
        half.unlink()
    with whole(path) as made:
        mlflow.MlflowClient(f"sqlite:///{made}")


def _require_database(path: Path | None, where: str) -> None:
    """Refuse an embedded store that SQLite can't open; MLflow tries for 100 s before it says so."""
    if path is None:
        return
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as problem:
        if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY:  # which MLflow waits for, and rightly
            raise HourglassError(f"MLflow at {where} refused: {problem}") from None


@contextmanager
def _variables_kept(*names: str) -> Iterator[None]:
    """Undo what MLflow writes into the environment: there it would pass for the user's wish, in every project."""
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def experiment(project: Project, client: "MlflowClient", name: str) -> str:
    """Find or make an experiment.

    Returns
    -------
    str
        Its id.

    Raises
    ------
    HourglassError
        The project was moved: the embedded store holds absolute paths.
    """
    with store_errors(uri(project)), locked(project, "mlflow experiment"):
        found = client.get_experiment_by_name(name)
        if found is None:
            embedded = uri(project).startswith("sqlite")
            return str(client.create_experiment(name, (project.mlruns / "artifacts").as_uri() if embedded else None))
        _require_unmoved(project, found.artifact_location)
        return str(found.experiment_id)


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """Turn what MLflow, or the database below it, raises into one sentence."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as problem:
        said = str(problem).strip()
        below = re.search(r"^\(\w+\.\w+\) (.+)$", said, re.MULTILINE)  # "(sqlite3.OperationalError) database is locked"
        reason = (below[1] if below else said.splitlines()[0]).replace(where, without_password(where))
        reason = _PAGE.sub("; a web page answered, so check the address", reason)
        if _UNREGISTERED.match(reason):
            reason = f"{reason.rstrip('.')}; `hourglass models` lists the versions that there are."
        raise HourglassError(f"MLflow at {without_password(where)} refused: {reason}") from None


def require_server(where: str) -> None:
    """Refuse a server that doesn't answer; other stores are files.

    Raises
    ------
    HourglassError
        It can't be reached.
    """
    if not where.startswith(("http://", "https://")):
        return
    try:
        parts = urlsplit(where)
        anonymous = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        with urllib.request.urlopen(f"{anonymous.rstrip('/')}/health", timeout=_REACH_SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError:
        return  # somebody answers; MLflow's own client says more
    except (OSError, ValueError, http.client.HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        raise HourglassError(
            f"MLflow at {without_password(where)} can't be reached ({reason}); finished work is kept. Start the "
            "server, or unset MLFLOW_TRACKING_URI for the embedded store, then run `hourglass run` again."
        ) from problem


def _require_unmoved(project: Project, artifact_location: str) -> None:
    here = (project.mlruns / "artifacts").as_uri()
    if uri(project) == _embedded(project) and artifact_location != here:
        raise HourglassError(
            f"this project was moved: mlruns/mlflow.db holds absolute paths below {artifact_location}, "
            f"and this is {here}. Run `hourglass doctor --fix`, which rewrites them, or move the project back."
        )


def without_password(where: str) -> str:
    """Hide the password in a URI that people are shown."""
    parts = urlsplit(where)
    return where if parts.password is None else where.replace(f":{parts.password}@", ":***@")
