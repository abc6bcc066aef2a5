"""How long a consumer waits: to load a model, and for answers of the runtime, of MLflow, and over HTTP.

``python benchmarks/serving.py [--rounds 5] [--out FILE.json]``

An autoencoder 30-64-16 judges rows of a table of 30 numbers, one at a time and a hundred. *anomaly_score* and *score*
are the methods of the runtime, *pyfunc* is what `mlflow.pyfunc.load_model` gives, and *http* is `mlflow models serve`,
one client on one connection, from a request to its scores. Every side has a process of its own, round by round in turn.
To load, an interpreter is started anew each time; its own start is left out.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

BATCHES, CALLS, WARM = (1, 100), 1000, 50
SIDES = ("anomaly_score", "score", "pyfunc", "http")
#: Seconds that a consumer waits at most for `import hourglass` and `hourglass.load`.
ASKED = {"hourglass": 1.0}
_START = "import sys, time; began = time.perf_counter(); folder, rows = sys.argv[1:]; import numpy, pandas\n"
_JUDGE = "score(pandas.read_parquet(rows)); print(time.perf_counter() - began)"
LOADS = {
    "hourglass": "import hourglass; model = hourglass.load(f'{folder}/table'); print(time.perf_counter() - began)",
    "hourglass, and a first answer": f"import hourglass; score = hourglass.load(f'{{folder}}/table').score; {_JUDGE}",
    "mlflow, and a first answer": (
        f"import mlflow; score = mlflow.pyfunc.load_model(f'{{folder}}/model').predict; {_JUDGE}"
    ),
}
_PATIENCE_SECONDS = 120

#: What is called with rows, and what makes rows of a table.
Call = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def prepare(folder: Path) -> None:
    """Train a model of a table; save it as MLflow has it, and rows to ask about."""
    import mlflow
    import pandas as pd

    from hourglass.files import read_json
    from hourglass.registry.versions import signature
    from scoring import packages
    from workloads import table

    packages(folder)
    package = folder / "table"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(folder / "model"),
            python_model=str(package / "shim.py"),
            artifacts={"package": str(package)},
            signature=signature(read_json(package / "config.json")),
            pip_requirements=["mlflow"],
        )
    rows = pd.DataFrame(table(CALLS + max(BATCHES)).astype(np.float64), columns=[f"c{number}" for number in range(30)])
    rows.to_parquet(folder / "rows.parquet")


@contextmanager
def called(side: str, folder: Path) -> Iterator[Call]:
    """Give a side's way to judge rows."""
    if side == "http":
        with _server(folder / "model") as connection:
            yield lambda body: _posted(connection, body), _body
        return
    if side == "pyfunc":
        import mlflow

        yield mlflow.pyfunc.load_model(str(folder / "model")).predict, lambda rows: rows
        return
    import hourglass

    yield getattr(hourglass.load(str(folder / "table")), side), lambda rows: rows


def latencies(side: str, folder: Path) -> dict[str, dict[str, float]]:
    """Give the median and the 99th of a hundred waits in milliseconds, by the rows of a call."""
    import pandas as pd

    rows = pd.read_parquet(folder / "rows.parquet")
    found = {}
    with called(side, folder) as (judge, form):
        for batch in BATCHES:
            waits = []
            for start in range(CALLS):
                given = form(rows.iloc[start : start + batch])
                began = time.perf_counter()
                judge(given)
                waits.append(1e3 * (time.perf_counter() - began))
            kept = waits[WARM:]
            found[str(batch)] = {"p50": float(np.median(kept)), "p99": float(np.quantile(kept, 0.99))}
    return found


def loading(what: str, folder: Path) -> float:
    """Give the seconds until a model is loaded, or has answered, in a new process."""
    command = [sys.executable, "-c", _START + LOADS[what], str(folder), str(folder / "rows.parquet")]
    return float(_ran(command).splitlines()[-1])


def compare(rounds: int) -> dict[str, Any]:
    """Run all sides in turn."""
    waits: dict[str, dict[str, dict[str, list[float]]]] = {
        side: {str(batch): {"p50": [], "p99": []} for batch in BATCHES} for side in SIDES
    }
    loads: dict[str, list[float]] = {what: [] for what in LOADS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for _ in range(rounds):
            for what, seconds in loads.items():
                seconds.append(loading(what, folder))
            for side, of in waits.items():
                answer = json.loads(_ran([sys.executable, __file__, "--side", side, "--folder", name]).splitlines()[-1])
                for batch, measured in answer.items():
                    for key, value in measured.items():
                        of[batch][key].append(value)
    for what, seconds in loads.items():
        print(f"{what}: {median(seconds):.3f} s to load")
    for side, of in waits.items():
        for batch, measured in of.items():
            p50, p99 = median(measured["p50"]), median(measured["p99"])
            print(f"{side}, {batch} row(s): p50 {p50:.3f} ms, p99 {p99:.3f} ms")
    return {"loads": loads, "waits": waits, "asked": ASKED}


@contextmanager
def _server(model: Path) -> Iterator[http.client.HTTPConnection]:
    """Have MLflow serve a model; give a connection to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model), "--port", str(port)]
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, "--env-manager", "local"], env=env, process_group=0, **quiet)
    try:
        yield _connected(port)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _connected(port: int) -> http.client.HTTPConnection:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("GET", "/ping")
            connection.getresponse().read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def _body(rows: Any) -> bytes:
    return json.dumps({"dataframe_split": rows.to_dict("split")}).encode()


def _posted(connection: http.client.HTTPConnection, body: bytes) -> Any:
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status != 200:
        raise RuntimeError(content)
    return content


def _ran(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Measure all sides, or one as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(latencies(asked.side, asked.folder)))
        return
    found = compare(asked.rounds)
    if asked.out:
        from training import about

        asked.out.write_text(json.dumps({"about": about()} | found, indent=2) + "\n")


if __name__ == "__main__":
    main()
