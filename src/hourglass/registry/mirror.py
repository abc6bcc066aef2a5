"""A training's metrics in MLflow while it runs: best effort, in a process of its own.

The training never waits for MLflow. What the mirror misses, ``hourglass track`` completes from ``metrics.jsonl``.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from hourglass.project import Project
from hourglass.registry import store, tracking

_SECONDS = 1.0
_LOG = "mirror.log"
#: How long a mirror may take after its training, should MLflow hang.
_GRACE_SECONDS = 60.0
_LOG_BYTES = 1_000_000
#: How a training ended, as MLflow calls it.
_DONE, _FAILED, _KILLED = "FINISHED", "FAILED", "KILLED"


@contextmanager
def mirrored(project: Project, name: str, training: tracking.Training, epochs: Path) -> Iterator[None]:
    """Mirror a metrics file, as it grows, to the run of a training.

    Parameters
    ----------
    project : Project
    name : str
        Of the experiment.
    training : Training
    epochs : Path
        ``metrics.jsonl``, there or not yet.
    """
    job = {"root": str(project.root), "home": str(project.home), "name": name, "epochs": str(epochs)}
    with _log(project) as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "hourglass.registry.mirror"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    assert child.stdin is not None  # noqa: S101
    _say(child.stdin, json.dumps(job | {"training": asdict(training)}))
    try:
        yield
        _say(child.stdin, _DONE)
    except Exception:
        _say(child.stdin, _FAILED)
        raise
    finally:
        with suppress(BrokenPipeError):
            child.stdin.close()  # the mirror sees the end, also when this process is killed


def _log(project: Project) -> IO[bytes]:
    """Open what mirrors print, which starts over when it is long."""
    log = (project.state / _LOG).open("ab")
    if log.tell() > _LOG_BYTES:
        log.truncate(0)
    return log


def _say(pipe: IO[str], line: str) -> None:
    with suppress(BrokenPipeError):
        pipe.write(line + "\n")
        pipe.flush()


def main() -> None:
    """Serve one training: a job comes by standard input, and at its end how it ended."""
    job = json.loads(sys.stdin.readline())
    end: Future[str] = Future()
    threading.Thread(target=_listen, args=(end,), daemon=True).start()
    _mirror(job, end)


def _listen(end: "Future[str]") -> None:
    """Hear how the training ended; some time after that this process ends too, whatever it waits for."""
    end.set_result(sys.stdin.read().strip() or _KILLED)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _mirror(job: dict[str, Any], end: "Future[str]") -> None:
    project = Project(Path(job["root"]), Path(job["home"]))
    epochs = Path(job["epochs"])
    client = store.connect(project)
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    with tracking.run_of(project, client, job["name"], tracking.Training(**job["training"])) as run:
        machine = SystemMetricsMonitor(run, sampling_interval=_SECONDS, resume_logging=True)
        if client.get_run(run).info.status == _DONE:  # by track, which came first
            _sample(machine)
            return
        client.update_run(run, status="RUNNING")
        machine.start()
        while not end.done():
            tracking.log_epochs(client, run, _records(epochs))
            wait([end], _SECONDS)
        machine.finish()
        _sample(machine)
        tracking.log_epochs(client, run, _records(epochs))
        client.set_terminated(run, end.result())


def _sample(machine: Any) -> None:
    """Measure the machine once more, so that the shortest training has a sample."""
    machine.collect_metrics()
    machine.publish_metrics(machine.aggregate_metrics())
    machine.mlflow_logger.flush()


def _records(epochs: Path) -> list[dict[str, Any]]:
    if not epochs.exists():
        return []
    lines = epochs.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


if __name__ == "__main__":
    main()
