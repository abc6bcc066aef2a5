"""A registered version, built again by ``hourglass reproduce``."""

import json

import pytest

from hourglass.project import Project
from hourglass.registry import store, versions
from hourglass.registry.origin import Origin
from tests.projects import Checkout

pytestmark = [pytest.mark.services, pytest.mark.slow]


@pytest.fixture
def checkout(finished, tmp_path) -> Checkout:
    return finished.copy(tmp_path / "hourglass")


@pytest.fixture
def project(checkout, monkeypatch) -> Project:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return Project(checkout.root, checkout.root)


@pytest.fixture
def client(project):
    return store.connect(project)


def everything(project, client) -> dict[str, object]:
    """All that a rebuild must leave as it is."""
    cache = project.root / ".dvc" / "cache"
    return {
        "lock": project.lock_file.read_bytes(),
        "cache": sorted(path.name for path in cache.rglob("*") if path.is_file()),
        "work": sorted(path.name for path in (project.state / "work").glob("*")),
        "outputs": sorted((path, path.stat().st_mtime_ns) for path in (project.root / "work").rglob("*")),
        "runs": len(client.search_runs([entry.experiment_id for entry in client.search_experiments()])),
        "versions": [(entry.version, entry.tags) for entry in client.search_model_versions()],
    }


def test_version_is_reproduced_bit_for_bit_and_nothing_else_moves(checkout, project, client):
    before, status = everything(project, client), checkout.git("status", "--porcelain")
    said = checkout.hourglass("reproduce", "models:/hourglass@champion")
    assert "Running stage 'train@" in said
    assert "is reproduced bit for bit: all" in said
    assert everything(project, client) == before
    assert checkout.git("status", "--porcelain") == status
    assert len(checkout.git("worktree", "list").splitlines()) == 1


def test_other_settings_give_another_model_and_a_status_of_1(checkout, project, client):
    origin = Origin.of(project, "models:/hourglass@champion")
    own = client.get_model_version(origin.name, str(origin.number)).tags[versions.PARAMS]
    other = json.dumps(origin.params | {"seed": origin.params["seed"] + 1})
    client.set_model_version_tag(origin.name, str(origin.number), versions.PARAMS, other)
    try:
        said = checkout.hourglass("reproduce", origin.uri, "--json", expect=1)
    finally:
        client.set_model_version_tag(origin.name, str(origin.number), versions.PARAMS, own)
    found = json.loads(said[said.index("\n{") :])
    assert not found["match"]
    assert "weights.safetensors" in found["files"]["differing"]
    assert found["scores"]["max_relative_difference"] > 0
