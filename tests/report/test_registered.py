"""``hourglass models``: versions and moves of aliases, as tables and as JSON."""

import json
from pathlib import Path

import pytest

from hourglass.params import load
from hourglass.registry import history, store, tracking, versions
from hourglass.registry.standing import CHAMPION
from hourglass.report import registered

PARAMS = load(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture
def project(stored, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return stored


@pytest.fixture(scope="module")
def params(stored):
    """Settings with a name under which two versions of ours and one of others are registered."""
    name = "listed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        client = store.connect(stored)
        client.create_registered_model(name)
        for value in ("0.8", "0.9"):
            tags = {tracking.VARIANT: "vae", versions.KEY: value, "hourglass.metric": "auroc"}
            tags |= {"hourglass.value": value, "hourglass.settings": "same", versions.PARAMS: '{"split": {}}'}
            made = client.create_model_version(name, "file:///nowhere", tags=tags)
            number = int(made.version)
            versions.note(client, name, number, f"version {number} [won]", passed=True)
            change = history.intend(
                client, name, {CHAMPION: number}, kind=history.PROMOTED, reason=f"{value} [won]", by=history.FLOW
            )
            history.make(client, name, change)
            history.record(client, name, change)
        client.create_model_version(name, "file:///elsewhere")
    return PARAMS.model_copy(update={"registry": PARAMS.registry.model_copy(update={"name": name})})


def test_tables_show_versions_and_moves_with_reasons_newest_first(project, params, capsys):
    registered.show(project, params)
    lines = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in lines]
    assert [row[0] for row in rows[:3]] == ["3", "2", "1"]
    assert rows[0][-1] == "registered by others"
    assert rows[1][1:4] == ["champion", "vae", "auroc 0.9000"]
    assert rows[1][-1] == "version 2 [won]"
    assert [row[1:] for row in rows[3:]] == [
        ["champion", "1", "2", "flow", "0.9 [won]"],
        ["champion", "", "1", "flow", "0.8 [won]"],
    ]


def test_json_says_the_same(project, params, capsys):
    registered.show_json(project, params)
    content = json.loads(capsys.readouterr().out)
    assert [entry["version"] for entry in content["versions"]] == [3, 2, 1]
    assert "variant" not in content["versions"][0]
    assert content["versions"][1] | {"registered": ""} == {
        "version": 2,
        "registered": "",
        "aliases": ["champion"],
        "verdict": "version 2 [won]",
        "variant": "vae",
        "metric": "auroc",
        "value": 0.9,
        "passed": True,
    }
    assert [(move["from"], move["to"]) for move in content["moves"]] == [(1, 2), (None, 1)]


def test_a_name_without_versions_says_how_to_register_one(project, capsys):
    unused = PARAMS.model_copy(update={"registry": PARAMS.registry.model_copy(update={"name": "unused"})})
    registered.show(project, unused)
    assert "nothing is registered as unused; run `hourglass run`" in capsys.readouterr().out
