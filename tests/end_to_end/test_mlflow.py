"""The ledger: runs, versions, the champion, and how consumers load it."""

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

import hourglass
from hourglass.data.dataset import Dataset
from hourglass.params import load
from hourglass.pipeline import ingested_data
from hourglass.project import Project
from hourglass.registry import ledger, store

pytestmark = pytest.mark.slow


@pytest.fixture
def project(finished, monkeypatch) -> Project:
    root = finished.checkout.root
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(root, root)


@pytest.fixture
def client(project):
    return store.connect(project)


@pytest.fixture
def params(project):
    return load(project.params_file)


def runs(client):
    experiment = client.get_experiment_by_name("hourglass")
    return {run.data.tags["hourglass.variant"]: run for run in client.search_runs([experiment.experiment_id])}


def test_every_variant_has_one_finished_run(client):
    experiment = client.get_experiment_by_name("hourglass")
    found = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["hourglass.variant"] for run in found) == ["autoencoder", "vae"]
    assert {run.info.status for run in found} == {"FINISHED"}


def test_run_keeps_reconstruction_and_kl_apart_by_epoch(client):
    run = runs(client)["vae"]
    for name in ("train/reconstruction", "train/kl", "validation/reconstruction", "validation/kl"):
        assert [entry.step for entry in client.get_metric_history(run.info.run_id, name)] == list(range(1, 13))


def test_run_holds_params_final_metrics_figures_and_system_metrics(client):
    run = runs(client)["vae"]
    assert run.data.params["vae.latent"] == "8"
    assert run.data.params["train.epochs"] == "12"
    assert 0 < run.data.metrics["test/auroc"] <= 1
    assert "system/cpu_utilization_percentage" in run.data.metrics
    assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {"evaluation.json", "figures"}


def test_runs_data_set_is_the_version_that_dvc_has(client, project):
    (data,) = runs(client)["vae"].inputs.dataset_inputs
    assert data.dataset.digest == ingested_data(project)
    assert data.dataset.name == "digits"


def test_second_track_changes_nothing(client, project, params):
    before = {name: run.to_dictionary() for name, run in runs(client).items()}
    ledger.track(project, params)
    assert {name: run.to_dictionary() for name, run in runs(client).items()} == before


def test_second_register_finds_the_first_version(project, params):
    version, new = ledger.register(project, params)
    assert (version.number, new) == (1, False)


def test_version_says_where_it_comes_from(client, project):
    tags = client.get_model_version("hourglass", "1").tags
    assert tags["hourglass.data"] == ingested_data(project)
    assert json.loads(tags["hourglass.params"])["seed"] == 0
    assert len(tags["mlflow.source.git.commit"]) == 40
    for name in ("version_key", "manifest_sha256", "lock", "fingerprint_facts", "settings", "input_key", "variant"):
        assert tags[f"hourglass.{name}"]


def test_version_has_a_model_card(client, finished):
    card = client.get_model_version("hourglass", "1").description
    assert card.startswith("# hourglass version 1: ")
    assert client.get_model_version("hourglass", "1").tags["hourglass.manifest_sha256"] in card
    for short in ("1", "@champion", "hourglass/1", "models:/hourglass/1"):
        assert finished.checkout.hourglass("models", "--card", short) == card


def test_registered_files_are_the_package_byte_for_byte(project, params):
    from hourglass.files import folder_hashes
    from hourglass.registry.consume import fetch

    version, _ = ledger.register(project, params)
    registered = folder_hashes(fetch(version.uri, project))
    assert registered == folder_hashes(project.output("package", version.variant))


def test_mlflow_and_hourglass_load_give_the_same_bytes(project):
    import mlflow

    raw = Dataset(project.dataset).raw("test")
    served = mlflow.pyfunc.load_model("models:/hourglass@champion").predict(raw)
    assert served.equals(hourglass.load("models:/hourglass@champion").score(raw))


@pytest.mark.parametrize("output", ["encode", "reconstruct", "attribute", "sample", "interpolate"])
def test_other_outputs_are_asked_for_by_params(project, output):
    import mlflow

    raw = Dataset(project.dataset).raw("test")[:4]
    served = mlflow.pyfunc.load_model("models:/hourglass@champion").predict(raw, params={"output": output})
    assert np.array_equal(served, hourglass.load("models:/hourglass@champion").predict(raw, output))


def test_the_champion_answers_on_the_command_line(project, finished, tmp_path):
    out = tmp_path / "new.npy"
    assert finished.checkout.hourglass("sample", "-n", "3", "--seed", "1", "-o", str(out)).endswith("3 rows\n")
    expected = hourglass.load("models:/hourglass@champion").sample(3, seed=1)
    assert np.array_equal(np.load(out), expected)


def test_tampered_version_is_refused(project, tmp_path):
    import shutil

    from hourglass.registry.consume import fetch

    folder = tmp_path / "package"
    shutil.copytree(fetch("models:/hourglass@champion", project), folder)
    (folder / "runtime" / "model.py").write_text("raise SystemExit")
    with pytest.raises(hourglass.runtime.InputError, match=r"model\.py differs from its hash"):
        hourglass.load(str(folder))


@pytest.mark.services
@pytest.mark.parametrize("step", ["mlflow.register_model", "mlflow.MlflowClient.log_model_artifacts"])
def test_registration_that_was_cut_off_is_completed_without_a_second_model(project, params, client, monkeypatch, step):
    again = params.model_copy(update={"registry": params.registry.model_copy(update={"name": step.rpartition(".")[2]})})
    name = again.registry.name
    with monkeypatch.context() as patch:
        patch.setattr(step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ledger.register(project, again)
    first, new = ledger.register(project, again)
    assert (first.number, new) == (1, True)
    assert ledger.register(project, again) == (first, False)
    experiment = client.get_experiment_by_name(name).experiment_id
    assert len(client.search_logged_models([experiment])) == 1


def closure(names: tuple[str, ...]) -> set[str]:
    """All distributions that these need, by their metadata."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name.lower().replace("_", "-"))
    return found


@pytest.fixture(scope="session")
def consumer(tmp_path_factory) -> Path:
    """A folder of packages that holds mlflow, onnxruntime, numpy, pandas and what they need, nothing else."""
    site = tmp_path_factory.mktemp("consumer")
    for name in closure(("mlflow", "onnxruntime", "numpy", "pandas")):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            link = site / top
            if not link.exists():
                link.symlink_to(found.locate_file(top))
    return site


CONSUMER = """
import json, sys
import mlflow, numpy as np
for absent in ("torch", "hourglass", "safetensors"):
    try:
        __import__(absent)
    except ImportError:
        continue
    sys.exit(f"{absent} is importable")
model = mlflow.pyfunc.load_model("models:/hourglass@champion")
rows = np.load(sys.argv[1], allow_pickle=False)
scored = model.predict(rows)
print("SCORES", json.dumps([scored["anomaly_score"].to_list(), scored["valid"].to_list()]))
print("MISSING", int(scored["is_anomaly"].isna().sum()))
"""


def test_environment_with_four_packages_loads_the_champion_and_scores_raw_rows(project, consumer, tmp_path):
    rows = Dataset(project.dataset).raw("test")[:32].astype(float)
    rows[3, 2, 2] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    env = {"PYTHONPATH": str(consumer), "MLFLOW_TRACKING_URI": store.uri(project), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-c", CONSUMER, tmp_path / "rows.npy"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    scores, valid = json.loads(done.stdout.split("SCORES ")[1].splitlines()[0])
    ours = hourglass.load("models:/hourglass@champion").score(rows)
    assert np.array_equal(np.array(scores, float), ours["anomaly_score"], equal_nan=True)
    assert not valid[3]
    assert "MISSING 1" in done.stdout
