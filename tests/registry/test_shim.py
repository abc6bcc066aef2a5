"""What MLflow loads and serves: rows in every form, and one sentence where they can't be used."""

import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
from PIL import Image

from hourglass.data.sources import Raw
from hourglass.runtime import Model
from tests.conftest import Packaged
from tests.fuzzing import requests
from tests.serving import saved, strict

SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"
#: Number of a column that tests spoil.
AREA = 3


class Served:
    """A model, and the same as MLflow loads it and answers for it."""

    def __init__(self, package: Packaged, folder: Path) -> None:
        self.model: Model = package.model
        self.loaded = mlflow.pyfunc.load_model(saved(package, folder))
        self.client = TestClient(scoring_server.init(self.loaded), raise_server_exceptions=False)

    def post(self, body: Any, kind: str = "application/json") -> Any:
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post("/invocations", content=content, headers={"content-type": kind})

    def scores(self, body: Any, **options: str) -> np.ndarray:
        answer = self.post(body, **options)
        assert answer.status_code == 200, answer.text
        return np.array([row["anomaly_score"] for row in strict(answer.text)["predictions"]], float)


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    """Undo what MLflow's server sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SERVING, "")
        yield


@pytest.fixture(scope="module")
def table(table_autoencoder: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(table_autoencoder, tmp_path_factory.mktemp("table") / "model")


@pytest.fixture(scope="module")
def image(image_vae: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(image_vae, tmp_path_factory.mktemp("image") / "model")


@pytest.fixture(scope="module")
def signal(signal_denoising: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(signal_denoising, tmp_path_factory.mktemp("signal") / "model")


@pytest.fixture(scope="module")
def patients(tumours: Raw) -> pd.DataFrame:
    return tumours.rows.drop(columns="diagnosis").head(5)


@pytest.fixture(scope="module")
def pictures(digits: Raw) -> np.ndarray:
    return digits.rows[:5]


def png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "png")
    return stream.getvalue()


def text(picture: np.ndarray) -> str:
    return b64encode(png(picture)).decode()


TABLES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "split": lambda rows: {"dataframe_split": rows.to_dict("split")},
    "records": lambda rows: {"dataframe_records": rows.to_dict("records")},
    "inputs by column": lambda rows: {"inputs": rows.to_dict("list")},
    "inputs by row": lambda rows: {"inputs": rows.to_dict("records")},
    "instances": lambda rows: {"instances": rows.to_dict("records")},
    "texts": lambda rows: {"dataframe_split": rows.astype(str).to_dict("split")},
    "columns in another order, and one more": lambda rows: {
        "dataframe_records": rows[rows.columns[::-1]].assign(z=1).to_dict("records")
    },
}
PICTURES: dict[str, Callable[[np.ndarray], Any]] = {
    "inputs": lambda rows: {"inputs": rows.tolist()},
    "instances": lambda rows: {"instances": rows.tolist()},
    "floats": lambda rows: {"inputs": rows.astype(float).tolist()},
    "texts": lambda rows: {"inputs": rows.astype(str).tolist()},
    "flat": lambda rows: {"inputs": rows.reshape(len(rows), -1).tolist()},
    "base64 of files": lambda rows: {"inputs": [text(row) for row in rows]},
    "data URLs": lambda rows: {"instances": [f"data:image/png;base64,{text(row)}" for row in rows]},
}


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("form", TABLES)
def test_tables_are_judged_over_http_in_every_form(
    table: Served, patients: pd.DataFrame, form: str, count: int
) -> None:
    rows = patients.head(count)
    np.testing.assert_array_equal(table.scores(TABLES[form](rows)), table.model.score(rows)["anomaly_score"])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("form", PICTURES)
def test_images_are_judged_over_http_in_every_form(image: Served, pictures: np.ndarray, form: str, count: int) -> None:
    rows = pictures[:count]
    np.testing.assert_array_equal(image.scores(PICTURES[form](rows)), image.model.score(rows)["anomaly_score"])


def test_parquet_is_judged_over_http(table: Served, patients: pd.DataFrame) -> None:
    found = table.scores(patients.to_parquet(), kind="application/vnd.apache.parquet")
    np.testing.assert_array_equal(found, table.model.score(patients)["anomaly_score"])


def test_readings_are_judged_over_http_by_window_and_by_time(signal: Served, waves: pd.DataFrame) -> None:
    rows = waves.head(40)
    body = {"dataframe_split": rows.assign(when=rows["when"].astype(str)).to_dict("split")}
    np.testing.assert_array_equal(signal.scores(body), signal.model.score(rows)["anomaly_score"])
    of_times = signal.scores(body | {"params": {"output": "points"}})
    np.testing.assert_array_equal(of_times, signal.model.points(rows)["anomaly_score"])


def test_no_rows_get_no_answer(table: Served, signal: Served, patients: pd.DataFrame, waves: pd.DataFrame) -> None:
    for served, rows in ((table, patients), (signal, waves)):
        answer = served.post({"dataframe_split": rows.head(0).to_dict("split")})
        assert (answer.status_code, strict(answer.text)) == (200, {"predictions": []})


LOADED: dict[str, Callable[[np.ndarray, Path], Any]] = {
    "uint8": lambda rows, _: rows,
    "float32": lambda rows, _: rows.astype(np.float32),
    "int64": lambda rows, _: rows.astype(np.int64),
    "texts": lambda rows, _: rows.astype(str),
    "flat": lambda rows, _: rows.reshape(len(rows), -1),
    "bytes": lambda rows, _: np.array([png(row) for row in rows], object),
    "paths": lambda rows, folder: np.array([written(row, folder / f"{n}.png") for n, row in enumerate(rows)], object),
}


def written(picture: np.ndarray, path: Path) -> Path:
    path.write_bytes(png(picture))
    return path


@pytest.mark.parametrize("form", LOADED)
def test_a_loaded_model_takes_images_in_every_form(
    image: Served, pictures: np.ndarray, form: str, tmp_path: Path
) -> None:
    found = image.loaded.predict(LOADED[form](pictures, tmp_path))
    np.testing.assert_array_equal(found["anomaly_score"], image.model.score(pictures)["anomaly_score"])


@pytest.mark.parametrize("form", ["frame", "dict", "records", "float32"])
def test_a_loaded_model_takes_tables_in_every_form(table: Served, patients: pd.DataFrame, form: str) -> None:
    narrow = patients.astype({name: np.float32 for name in patients if name != "size"})
    rows = {"frame": patients, "dict": patients.to_dict("list"), "records": patients.to_dict("records")}.get(
        form, narrow
    )
    expected = table.model.score(narrow if form == "float32" else patients)["anomaly_score"]
    np.testing.assert_array_equal(table.loaded.predict(rows)["anomaly_score"], expected)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "null", '"wide"', "1e999", "9" * 400, "[1]", "{}"])
def test_a_row_that_cannot_be_judged_is_null_over_http_and_moves_no_other(
    table: Served, patients: pd.DataFrame, bad: str
) -> None:
    content = patients.to_dict("split")
    content["data"][1][AREA] = "BAD"
    answer = table.post(json.dumps({"dataframe_split": content}).replace('"BAD"', bad))
    rows = strict(answer.text)["predictions"]
    assert rows[1] == {"anomaly_score": None, "p_value": None, "is_anomaly": None, "valid": False}
    expected = table.model.score(patients)["anomaly_score"]
    assert [row["anomaly_score"] for row in rows[:1] + rows[2:]] == expected.drop(index=1).tolist()


def test_what_is_rebuilt_of_a_row_that_cannot_be_judged_is_null_over_http(image: Served, pictures: np.ndarray) -> None:
    rows = pictures.astype(object)
    rows[0, 0, 0] = None
    (first, second, *_) = strict(image.post({"inputs": rows.tolist(), "params": {"output": "reconstruct"}}).text)[
        "predictions"
    ]
    assert first == [[None] * 8] * 8
    np.testing.assert_array_equal(second, image.model.reconstruct(pictures)[1])


def test_outside_of_the_server_what_is_missing_is_nan(
    table: Served, patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SERVING)
    found = table.loaded.predict(patients.assign(**{"mean area": np.nan}))
    assert found["anomaly_score"].dtype == np.float64
    assert found["anomaly_score"].isna().all()


def spoilt(change: Callable[[pd.DataFrame], pd.DataFrame], **params: Any) -> Callable[[pd.DataFrame], Any]:
    return lambda rows: {"dataframe_split": change(rows).to_dict("split"), "params": params}


REFUSED: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "missing column": (
        spoilt(lambda rows: rows.drop(columns="mean area")),
        "column 'mean area' is missing; the model ",
    ),
    "rows without names": (lambda rows: {"inputs": rows.to_numpy().tolist()}, "column 'mean radius' is missing; "),
    "no output": (spoilt(lambda rows: rows, output="scores"), "output is 'scores'; expected one of score, "),
    "too many": (spoilt(lambda rows: rows, output="sample", n=10**9), "n is 1,000,000,000; expected at most 65,536 "),
    "less than none": (spoilt(lambda rows: rows, output="sample", n=-1), "n is -1; expected at least 1."),
    "seed": (spoilt(lambda rows: rows, output="sample", seed=-1), "seed is -1; expected 0 or more."),
    "no condition": (
        spoilt(lambda rows: rows, output="sample", condition="x"),
        "condition is 'x'; expected JSON such ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(
    table: Served, patients: pd.DataFrame, name: str
) -> None:
    body, sentence = REFUSED[name]
    answer = table.post(body(patients))
    found = strict(answer.text)
    assert (answer.status_code, found["error_code"]) == (400, "BAD_REQUEST")
    assert found["message"].startswith(sentence)
    assert found.keys() == {"error_code", "message"}


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.zeros((2, 7, 8)).tolist(), "rows have shape (2, 7, 8); expected (rows, 8, 8)."),
        ([[1, 2], [3]], "rows have different shapes ("),
        (3, "rows are of type object; expected numbers."),
        (["/etc/passwd"], "row 0 is text; expected the base64 of an image file"),
        ([b64encode(b"no image").decode()], "row 0 "),
        ([text(np.zeros((4, 4), np.uint8))], "row 0 has shape (4, 4); expected (8, 8)."),
    ],
)
def test_arrays_that_cannot_be_used_are_refused_in_one_sentence(image: Served, rows: Any, sentence: str) -> None:
    answer = image.post({"inputs": rows})
    assert answer.status_code == 400
    assert strict(answer.text)["message"].startswith(sentence)


@pytest.mark.parametrize("body", ["", "{", "[1]", "null", '{"rows": []}', '{"dataframe_split": 3}', b"\xff\xfe{"])
def test_what_is_no_request_is_status_400(table: Served, body: Any) -> None:
    assert table.post(body).status_code == 400


def test_a_refusal_of_a_loaded_model_is_the_sentence(table: Served, patients: pd.DataFrame) -> None:
    with pytest.raises(MlflowException, match=r"^column 'mean area' is missing; the model needs"):
        table.loaded.predict(patients.drop(columns="mean area"))


@pytest.mark.parametrize("kind", ["table", "image", "signal"])
def test_whatever_is_asked_is_answered_in_strict_json_or_refused_in_a_sentence(
    kind: str, patients: pd.DataFrame, pictures: np.ndarray, waves: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    readings = waves.head(20).assign(when=waves["when"].head(20).astype(str))
    rows = {"table": patients, "signal": readings}.get(kind)
    good = {"inputs": pictures.tolist()} if rows is None else {"dataframe_split": rows.to_dict("split")}
    served = request.getfixturevalue(kind)
    for (body, content), _ in zip(requests(lambda: json.loads(json.dumps(good)), seed=0), range(80), strict=False):
        answer = served.post(body, content)
        assert answer.status_code in {200, 400, 415, 500}
        if content == "application/json" and answer.status_code in {200, 400}:
            assert "stack_trace" not in strict(answer.text), (body, answer.text)
    assert served.post(good).status_code == 200
