"""A project as a newcomer has it, run once by its own commands; every test here works on it or on a copy."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hourglass.upkeep import sqlite
from tests.sharing import first

ROOT = Path(__file__).parents[1]
SHIPPED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "data.dvc",
    "dvc.lock",
    "dvc.yaml",
    "flows",
    "mlruns/README.md",
    "params.yaml",
    "prefect.yaml",
    "pyproject.toml",
    "src",
)
#: As fast as it gets while both variants stay worth ranking.
QUICK = {
    "train": {"epochs": 12, "patience": 12, "checkpoint_seconds": 0.1},
    "evaluate": {"bootstrap": 100, "map_rows": 60},
}


@dataclass(frozen=True)
class Checkout:
    """A project folder and what its environment is."""

    root: Path
    env: dict[str, str]

    def run(self, *command: str, expect: int = 0, timeout: int = 300, **env: str) -> str:
        """Run a command of this environment, check its exit status and give all it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == expect, done.stdout
        return done.stdout

    def hourglass(self, *arguments: str, expect: int = 0, **env: str) -> str:
        return self.run("hourglass", *arguments, expect=expect, **env)

    def dvc(self, *arguments: str, expect: int = 0) -> str:
        return self.run("dvc", *arguments, expect=expect)

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def set(self, **sections) -> None:
        """Change params.yaml: ``vae={"latent": 4}`` sets one key of a section, other values replace."""
        yaml = YAML()
        path = self.root / "params.yaml"
        content = yaml.load(path)
        for name, value in sections.items():
            if isinstance(value, dict):
                content.setdefault(name, {}).update(value)
            else:
                content[name] = value
        yaml.dump(content, path)

    @property
    def lock(self) -> str:
        return (self.root / "dvc.lock").read_text()

    def copy(self, root: Path) -> "Checkout":
        """Copy everything but the MLflow store, which holds absolute paths."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("mlflow.db", "artifacts"))
        return Checkout(root, self.env)


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that all workers of this session share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "end_to_end"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def environment(shared) -> dict[str, str]:
    commands = Path(sys.executable).parent
    dropped = ("MLFLOW", "PREFECT", "HOURGLASS", "PYTHONDONTWRITEBYTECODE")  # the last would hide bytecode in outputs
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PREFECT_HOME": str(shared / "prefect"),
        "DVC_NO_ANALYTICS": "1",
        "COLUMNS": "200",
    }


@pytest.fixture(scope="session")
def clone(shared, environment) -> Checkout:
    """Everything that is committed, with quick settings; nothing has run."""
    checkout = Checkout(shared / "clone" / "hourglass", environment)
    with first(shared / "cloned") as mine:
        if mine:
            _clone(checkout)
            (shared / "cloned").touch()
    return checkout


def _clone(checkout: Checkout) -> None:
    for name in SHIPPED:
        source, target = ROOT / name, checkout.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    checkout.set(**QUICK)
    checkout.git("init", "--quiet")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "-m", "start")


@dataclass(frozen=True)
class Finished:
    """A project after its first run, its copy that nobody runs anything in, and what that run printed."""

    checkout: Checkout
    frozen: Checkout
    said: str

    def copy(self, root: Path) -> Checkout:
        """Copy everything, with an MLflow store that knows where it lies."""
        shutil.copytree(self.frozen.root, root, symlinks=True)
        relocate(root / "mlruns" / "mlflow.db", root / "mlruns")
        return Checkout(root, self.checkout.env)


def relocate(database: Path, mlruns: Path) -> None:
    """Change the absolute paths that MLflow keeps to those below another folder."""
    assert sqlite.move_paths(database, sqlite.former_homes(database, mlruns), mlruns)


@pytest.fixture(scope="session")
def finished(clone, shared) -> Finished:
    root = shared / "finished" / "hourglass"
    checkout = Checkout(root, clone.env)
    said = shared / "said"
    with first(said) as mine:
        if mine:
            shutil.copytree(clone.root, root)
            printed = checkout.hourglass("run")
            shutil.copytree(root, shared / "frozen")
            said.write_text(printed)
    return Finished(checkout, Checkout(shared / "frozen", clone.env), said.read_text())


@pytest.fixture(scope="session")
def server(environment, tmp_path_factory) -> Iterator[str]:
    """A Prefect server for the runs after the first, which has to do without; gives its API's URL."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    env = environment | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    api = f"http://127.0.0.1:{port}/api"
    child = subprocess.Popen(command, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while not answers(f"{api}/health"):
            assert time.monotonic() < end
            time.sleep(0.5)
        yield api
    finally:
        child.terminate()
        child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture
def unserved(finished, tmp_path) -> Checkout:
    """A finished project to spoil, in a folder with a space."""
    return finished.frozen.copy(tmp_path / "a copy")


@pytest.fixture
def copy(unserved, server) -> Checkout:
    """The same, whose flows have a server."""
    return Checkout(unserved.root, unserved.env | {"PREFECT_API_URL": server})
