"""``hourglass verify`` on registered versions, in the embedded store and through a server."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from itertools import count

import pytest

from hourglass.files import folder_hashes, sha256_of, write_json
from hourglass.project import Project
from hourglass.registry import store
from hourglass.upkeep import mend as mending
from hourglass.upkeep import registered

_NAMES = (f"verified{number}" for number in count())


@pytest.fixture
def model(tmp_path):
    """The folder of a version as MLflow has it: the package and a copy of its shim."""
    package = tmp_path / "model" / "artifacts" / "vae"
    (package / "runtime").mkdir(parents=True)
    (package / "shim.py").write_text("serve()")
    (package / "encode.onnx").write_bytes(b"graph" * 50)
    (package / "runtime" / "model.py").write_text("class Model: ...")
    write_json(package / "manifest.json", folder_hashes(package))
    shutil.copy(package / "shim.py", tmp_path / "model" / "shim.py")
    return tmp_path / "model"


def tags_of(model):
    return {
        "hourglass.variant": "vae",
        "hourglass.manifest_sha256": sha256_of(model / "artifacts" / "vae" / "manifest.json"),
    }


@pytest.fixture
def project(stored, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return stored


@pytest.fixture
def version(project, model):
    """A version of a name of its own, in the embedded store."""
    name = next(_NAMES)
    client = store.connect(project)
    client.create_registered_model(name)
    client.create_model_version(name, model.as_uri(), tags=tags_of(model))
    yield f"models:/{name}/1"
    client.delete_registered_model(name)


def problems(project, version):
    return {
        file.name.removeprefix(f"{version}: "): file.problem.partition(" ")[0]
        for file in registered.check(project)
        if file.problem and file.name.startswith(version)
    }


def test_sound_version_has_its_files_counted(project, version):
    files = [file.name for file in registered.check(project) if file.name.startswith(version)]
    assert files == [
        f"{version}: {name}"
        for name in ("manifest.json", "encode.onnx", "runtime/model.py", "shim.py", "its copy of shim.py")
    ]
    assert problems(project, version) == {}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("artifacts/vae/encode.onnx", "encode.onnx"),
        ("artifacts/vae/runtime/model.py", "runtime/model.py"),
        ("artifacts/vae/manifest.json", "manifest.json"),
        ("shim.py", "its copy of shim.py"),
    ],
)
def test_file_that_differs_is_named(project, version, model, path, named):
    content = bytearray((model / path).read_bytes())
    content[3] ^= 1
    (model / path).write_bytes(content)
    assert problems(project, version) == {named: "has"}


def test_missing_and_added_files_are_named(project, version, model):
    (model / "artifacts/vae/encode.onnx").unlink()
    (model / "artifacts/vae/runtime/more.py").touch()
    assert problems(project, version) == {"encode.onnx": "is", "runtime/more.py": "is"}


@pytest.fixture
def workspace(project, model, tmp_path):
    """A project whose workspace has the package of the version, and whose registry is that of the version."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    shutil.copytree(model / "artifacts" / "vae", root / "work" / "package" / "vae")
    return Project(root, project.home)


def mend(project, version):
    damaged = [file for file in registered.check(project) if file.problem and file.name.startswith(version)]
    return list(mending.mend(project, {"registry": damaged}))


def test_package_that_is_gone_is_put_back_with_all_equal_files(workspace, version, model):
    for path in (model / "artifacts/vae/shim.py", model / "shim.py"):
        path.write_text("spoilt")
    mend(workspace, version)
    assert problems(workspace, version) == {}
    shutil.rmtree(model / "artifacts")
    mend(workspace, version)
    assert problems(workspace, version) == {}


def test_what_cannot_be_mended_is_said_and_what_was_added_is_moved_away(workspace, version, model):
    shutil.rmtree(workspace.root / "work")
    (model / "artifacts/vae/encode.onnx").write_bytes(b"spoilt")
    added = model / "artifacts/vae/runtime/more.py"
    added.touch()
    said = mend(workspace, version)
    assert f"{version}: encode.onnx: no whole copy was found in DVC's cache or the workspace" in said
    assert not added.exists()
    shutil.rmtree(model)
    (line,) = mend(workspace, version)
    assert f"{version} has no files" in line
    assert "can't be mended from here" in line


def test_file_on_a_server_is_not_called_mendable(version, project, model, monkeypatch):
    @contextmanager
    def copied(*_):
        yield model, True

    (model / "shim.py").write_text("spoilt")
    monkeypatch.setattr(registered, "_files", copied)
    (file,) = [file for file in registered.check(project) if file.problem and file.name.startswith(version)]
    assert file.path is None
    assert "--fix" not in file.fix


def test_bytecode_that_serving_leaves_is_no_damage(project, version, model):
    (model / "artifacts/vae/runtime/__pycache__").mkdir()
    (model / "artifacts/vae/runtime/__pycache__/model.pyc").touch()
    assert problems(project, version) == {}


def test_version_without_files_is_named(project, version, model):
    shutil.rmtree(model)
    assert problems(project, version) == {version: "has"}


def test_versions_of_others_are_not_judged(project):
    client = store.connect(project)
    client.create_registered_model("of others")
    client.create_model_version("of others", "file:///nowhere")
    assert not [file for file in registered.check(project) if "of others" in file.name]


def test_project_without_a_store_has_nothing_to_check(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert list(registered.check(Project(tmp_path, tmp_path))) == []
    assert not (tmp_path / "mlruns").exists()


def test_damaged_database_is_named(stored, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    (tmp_path / "mlruns").mkdir()
    content = bytearray((stored.mlruns / "mlflow.db").read_bytes())
    content[4096 * 3 : 4096 * 30] = bytes(4096 * 27)
    (tmp_path / "mlruns" / "mlflow.db").write_bytes(content)
    (database,) = registered.check(Project(tmp_path, tmp_path))  # MLflow isn't asked
    assert database.name == "mlruns/mlflow.db"
    assert database.problem.startswith("is damaged")


@pytest.mark.services
@pytest.mark.slow
def test_version_on_a_server_is_fetched_and_checked(tmp_path, model, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", f"{tmp_path}/kept"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/health")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        project = Project(tmp_path / "project", tmp_path / "project")
        client = store.connect(project)
        run = client.create_run(client.create_experiment("served")).info
        client.log_artifacts(run.run_id, str(model), "model")
        client.create_registered_model("served")
        client.create_model_version("served", f"{run.artifact_uri}/model", run.run_id, tags=tags_of(model))
        assert problems(project, "models:/served/1") == {}
        (graph,) = (tmp_path / "kept").rglob("encode.onnx")
        graph.write_bytes(graph.read_bytes().replace(b"graph", b"grapg", 1))
        assert problems(project, "models:/served/1") == {"encode.onnx": "has"}
    finally:
        server.terminate()
        server.wait()


def _wait(url):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} doesn't answer")
