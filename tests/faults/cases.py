"""A finished project that is disturbed, and what has to hold afterwards."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from hourglass.files import folder_hashes
from tests.faults import page, plugin
from tests.projects import Checkout, Finished, relocate

MARK = "HOURGLASS_FAULT_CASE"
#: What the age of a process is told by: its own work, which other load doesn't stretch, or, if it mostly waits, time.
Clock = Literal["cpu", "wall"]
#: A mirror to MLflow may take a minute after its training.
_ORPHAN_SECONDS = 75
_RUN_SECONDS = 400


def processes(mark: str) -> dict[int, str]:
    """Find the living processes of a case, by what their environment holds; give pid to command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if _is_of(folder, mark):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return found


def _lives_still(pid: int, mark: str) -> bool:
    try:
        return _is_of(Path("/proc") / str(pid), mark)
    except OSError:
        return False


def _cpu_seconds(pid: int) -> float:
    user, system = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _is_of(folder: Path, mark: str) -> bool:
    return f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes() and _lives(folder)


def _lives(folder: Path) -> bool:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


def end_all(mark: str) -> None:
    while found := processes(mark):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


@dataclass
class Template:
    """A finished project at one path, and the copy that it is brought back from."""

    checkout: Checkout
    kept: Path
    #: How old processes grow that nothing disturbs, by kind and stage.
    lives: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, finished: Finished, folder: Path) -> "Template":
        kept, root = folder / "kept", folder / "hourglass"
        shutil.copytree(finished.frozen.root, kept, symlinks=True)
        (kept / ".dvc" / "config.local").write_text("[core]\n    site_cache_dir = tmp/site\n")
        relocate(kept / "mlruns" / "mlflow.db", root / "mlruns")
        return cls(Checkout(root, finished.checkout.env), kept)

    def restore(self) -> None:
        shutil.rmtree(self.checkout.root, ignore_errors=True)
        subprocess.run(["cp", "-a", self.kept, self.checkout.root], check=True)


@dataclass
class Case:
    """One disturbed run.

    Parameters
    ----------
    template : Template
    name : str
        Of the test; marks its processes.
    """

    template: Template
    name: str
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mark = f"{os.getpid()}-{self.name}"
        self.template.restore()
        (self.template.checkout.root.parent / "said").unlink(missing_ok=True)
        base = self.template.checkout
        self.checkout = Checkout(base.root, base.env | self.env | {MARK: self.mark})
        self.root = self.checkout.root

    def start(self, *command: str, **env: str) -> subprocess.Popen:
        with (self.root.parent / "said").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.root,
                env=self.checkout.env | env,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that its runs printed."""
        return (self.root.parent / "said").read_text(errors="replace")

    def run(self, *command: str, **env: str) -> None:
        """Run to a good end."""
        child = self.start(*command, **env)
        assert child.wait(_RUN_SECONDS) == 0, self.said

    def find(self, words: str, child: subprocess.Popen) -> int:
        """Wait for a process of this case."""
        while child.poll() is None:
            for pid, command in processes(self.mark).items():
                if words in command:
                    return pid
            time.sleep(0.03)
        raise AssertionError(f"no process {words!r}: {self.said}")

    def kill(self, command: tuple[str, ...], words: str, age: float, clock: Clock) -> float | None:
        """Run a command and kill one of its processes at an age; give how old it grew if it ended before."""
        child = self.start(*command)
        pid, old = self.find(words, child), 0.0
        for old in self._ages(pid, clock):
            if old >= age:
                os.kill(pid, signal.SIGKILL)
                child.wait(_RUN_SECONDS)
                return None
        child.wait(_RUN_SECONDS)
        return old

    def _ages(self, pid: int, clock: Clock) -> Iterator[float]:
        born = time.monotonic()
        while _lives_still(pid, self.mark):
            try:
                yield time.monotonic() - born if clock == "wall" else _cpu_seconds(pid)
            except OSError:
                return
            time.sleep(0.005)

    def require_no_orphans(self) -> None:
        end = time.monotonic() + _ORPHAN_SECONDS
        while (left := processes(self.mark)) and time.monotonic() < end:
            time.sleep(0.1)
        assert not left

    @property
    def lock(self) -> dict:
        return YAML(typ="safe").load(self.root / "dvc.lock")["stages"]

    @property
    def outputs(self) -> dict[str, str]:
        return folder_hashes(self.root / "work")

    def require_one_of_each(self) -> None:
        """Hold MLflow to one run for each training and one version for each package, and the alias to the gate."""
        runs = "select count(*) from tags where key = 'hourglass.input_key' group by value"
        versions = "select count(*) from model_version_tags where key = 'hourglass.version_key' group by value"
        models = (  # half of a model, which a full disk left, is deleted; `mlflow gc` removes its row and files
            "select (select count(*) from logged_models where lifecycle_stage = 'active'), "
            "(select count(*) from model_versions)"
        )
        champions = (
            "select verdict.value from registered_model_aliases a left join model_version_tags verdict "
            "on verdict.version = a.version and verdict.key = 'hourglass.gate' where a.alias = 'champion'"
        )
        with sqlite3.connect(self.root / "mlruns" / "mlflow.db") as store:
            assert {count for (count,) in store.execute(runs)} <= {1}
            assert {count for (count,) in store.execute(versions)} <= {1}
            ((logged, registered),) = store.execute(models)
            assert logged == registered
            assert {verdict for (verdict,) in store.execute(champions)} <= {"passed"}


def drawn(kind: str, number: int, kill: int) -> float:
    """Draw the moment of a kill of a case, between 0 and 1."""
    return random.Random(f"{plugin.seed()} {kind} {number} {kill}").random()


def told(record: Callable[[str, object], None], kind: str, moment: float, *, hit: bool) -> None:
    """Tell the page of a kill."""
    record(page.KILL, [kind, moment, hit])
