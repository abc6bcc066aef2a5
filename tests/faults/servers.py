"""MLflow and Prefect servers that may be killed and come back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.projects import answers, free_port

_START_SECONDS = 180


class Server:
    """A server in a process group of its own.

    Parameters
    ----------
    name : str
        ``mlflow`` or ``prefect``.
    root : Path
        The project whose MLflow store it serves, or where Prefect keeps its database.
    env : dict of str to str
    """

    def __init__(self, name: str, root: Path, env: dict[str, str]) -> None:
        self.name, self.port = name, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "0", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.root, self.env = root, env | {"PREFECT_HOME": str(root)} | quiet
        self.child: subprocess.Popen | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What a run needs in its environment to use it."""
        if self.name == "mlflow":
            return {"MLFLOW_TRACKING_URI": self.url}
        return {"PREFECT_API_URL": f"{self.url}/api"}

    def start(self) -> None:
        if self.name == "mlflow":
            store = f"sqlite:///{self.root}/mlruns/mlflow.db"
            command = ["mlflow", "server", "--backend-store-uri", store, "--workers", "1", "--port", str(self.port)]
        else:
            command = ["prefect", "server", "start", "--port", str(self.port)]
        self.child = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + _START_SECONDS
        while not answers(f"{self.url}/health" if self.name == "mlflow" else f"{self.url}/api/health"):
            assert time.monotonic() < end, f"{self.name} doesn't start"
            time.sleep(0.2)

    def kill(self) -> None:
        if self.child is not None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            self.child = None
