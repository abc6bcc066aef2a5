"""What MLflow's pages are told of the data."""

import json

from hourglass import pipeline
from hourglass.data.params import DataParams
from hourglass.files import write_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import ledger
from hourglass.runtime.table import Column, TableSchema


def test_every_type_of_column_has_one_in_mlflow(tmp_path, monkeypatch):
    from mlflow.types import Schema

    project = Project(tmp_path, tmp_path)
    project.dataset.mkdir(parents=True)
    columns = [
        Column("size", "number"),
        Column("vip", "boolean"),
        Column("at", "time"),
        Column("in", "category", ("a",)),
    ]
    write_json(project.dataset / "dataset.json", {"schema": TableSchema(tuple(columns)).config(), "counts": {}})
    monkeypatch.setattr(pipeline, "ingested_data", lambda _: "0" * 32)
    told = ledger._data(project, Params(variants=["vae"], data=DataParams(source="a.csv")))
    found = {one["name"]: one["type"] for one in told["schema"]["mlflow_colspec"]}
    assert found == {"size": "double", "vip": "boolean", "at": "datetime", "in": "string"}
    assert len(Schema.from_json(json.dumps(told["schema"]["mlflow_colspec"])).inputs) == 4
