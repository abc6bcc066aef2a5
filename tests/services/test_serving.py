"""MLflow's server, started as docs/serving.md says, answers good requests while it gets every kind of bad ones."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.runtime import Model
from tests.conftest import Packaged, packaged
from tests.fuzzing import requests
from tests.projects import answers, free_port
from tests.serving import described, strict
from tests.use.test_audio import package_of_tones, tone

pytestmark = [pytest.mark.services, pytest.mark.slow]

_PATIENCE_SECONDS = 300
#: Threads that send bad requests, and that send good ones.
_BAD, _GOOD = 2, 2


@dataclass(frozen=True)
class Server:
    """A server of a model, and what the model says by itself."""

    process: "subprocess.Popen[bytes]"
    port: int
    model: Model

    def post(self, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def scores(self, body: Any) -> list[float]:
        status, text = self.post(json.dumps(body).encode())
        assert status == 200, text
        return [row["anomaly_score"] for row in strict(text.decode())["predictions"]]


@contextmanager
def served(package: Packaged, folder: Path) -> Iterator[Server]:
    """Register a model in a store of its own and serve it."""
    store, port = f"sqlite:///{folder / 'mlflow.db'}", free_port()
    register(package, store, folder)
    command = [
        "models",
        "serve",
        "--model-uri",
        "models:/fuzzed@champion",
        "--port",
        str(port),
        "--env-manager",
        "local",
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "PYTHONPATH"))}
    env |= {"MLFLOW_TRACKING_URI": store, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command], cwd=folder, env=env, stdout=log, stderr=log, process_group=0
        )
    try:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not answers(f"http://127.0.0.1:{port}/ping"):
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.5)
        yield Server(process, port, package.model)
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def register(package: Packaged, store: str, folder: Path) -> None:
    mlflow.set_tracking_uri(store)
    try:
        experiment = mlflow.create_experiment("fuzzed", artifact_location=(folder / "artifacts").as_uri())
        with mlflow.start_run(experiment_id=experiment):
            logged = mlflow.pyfunc.log_model(name="model", **described(package))
        version = mlflow.register_model(logged.model_uri, "fuzzed").version
        mlflow.MlflowClient().set_registered_model_alias("fuzzed", "champion", version)
    finally:
        mlflow.set_tracking_uri("")


@pytest.fixture(scope="module")
def table(table_autoencoder: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(table_autoencoder, tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def patients(tumours: Raw) -> pd.DataFrame:
    return tumours.rows.drop(columns="diagnosis")


def test_the_server_outlives_bad_requests_and_judges_good_ones_all_the_while(
    table: Server,
    patients: pd.DataFrame,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    end = time.monotonic() + pytestconfig.getoption("--fuzz-seconds")

    def good(start: int) -> dict[str, Any]:
        return {"dataframe_split": patients.iloc[start : start + 5].to_dict("split")}

    def send_bad(seed: int) -> Counter[int]:
        found: Counter[int] = Counter()
        for body, kind in requests(lambda: good(seed), seed):
            if time.monotonic() > end:
                return found
            status, text = table.post(body, kind)
            found[status] += 1
            if status == 400 and kind == "application/json":
                assert b"stack_trace" not in text, (body, text)  # the model refuses in a sentence
        raise AssertionError

    def send_good(first: int) -> int:
        for sent in count():
            start = (first + 7 * sent) % 560
            if time.monotonic() > end:
                return sent
            expected = table.model.score(patients.iloc[start : start + 5])["anomaly_score"]
            assert table.scores(good(start)) == expected.tolist()
        raise AssertionError

    with ThreadPoolExecutor(_BAD + _GOOD) as pool:
        bad = [pool.submit(send_bad, seed) for seed in range(_BAD)]
        fine = [pool.submit(send_good, first) for first in range(_GOOD)]
        statuses = sum((one.result() for one in bad), Counter())
        sent = [one.result() for one in fine]
    assert min(sent) > 0
    assert statuses[400] > 0
    assert statuses.keys() <= {200, 400, 415, 500}
    assert table.process.poll() is None
    record_property("bad requests by status", dict(statuses))
    record_property("good requests", sum(sent))


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[" * 5000, "application/json", 500),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "application/json", 500),
        (b"a,b\n1,2\n", "text/csv", 400),
        (b"{}", "application/xml", 415),
    ],
    ids=["deep", "long number", "csv", "type"],
)
def test_what_mlflow_meets_before_the_model_is_as_the_documents_say(
    table: Server, body: bytes, kind: str, status: int
) -> None:
    assert table.post(body, kind)[0] == status


@pytest.mark.parametrize("kind", ["image", "signal", "audio", "told"])
def test_a_model_of_every_kind_is_served(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    package, rows, body = KINDS[kind](request, tmp_path)
    with served(package, tmp_path) as server:
        np.testing.assert_array_equal(server.scores(body), package.model.score(rows)["anomaly_score"])


Case = tuple[Packaged, Any, dict[str, Any]]


def _image(request: pytest.FixtureRequest, folder: Path) -> Case:
    package = request.getfixturevalue("image_vae")
    rows = package.dataset.raw("test")[:3]
    return package, rows, {"inputs": rows.tolist()}


def _signal(request: pytest.FixtureRequest, folder: Path) -> Case:
    rows = request.getfixturevalue("waves").head(60)
    body = {"dataframe_split": rows.assign(when=rows["when"].astype(str)).to_dict("split")}
    return request.getfixturevalue("signal_denoising"), rows, body


def _audio(request: pytest.FixtureRequest, folder: Path) -> Case:
    rows = tone(100)
    return package_of_tones("spectrogram", folder / "tones"), rows, {"inputs": rows.tolist()}


def _told(request: pytest.FixtureRequest, folder: Path) -> Case:
    """Images that come with what the model is told of each."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 4))
    raw = Raw("array", x, pd.DataFrame(index=range(600)), {"photo": x[:, ::-1].copy()})
    package = packaged(raw, DataParams(condition=["photo"]), "cvae", {"latent": 2, "hidden": [8]}, folder / "told")
    rows = {"x": x[:3], "photo": raw.arrays["photo"][:3]}
    return package, rows, {"inputs": {name: values.tolist() for name, values in rows.items()}}


KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], Case]] = {
    "image": _image,
    "signal": _signal,
    "audio": _audio,
    "told": _told,
}
