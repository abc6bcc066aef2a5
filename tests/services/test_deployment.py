"""The deployment of compose.yaml, tried as processes, and a worker as the image has it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = [pytest.mark.services, pytest.mark.slow]

CONSUMER = """
import mlflow, numpy
print(mlflow.pyfunc.load_model("models:/hourglass@champion").predict(numpy.zeros((2, 8, 8)))["valid"].all())
"""


@pytest.fixture(scope="module")
def first(container) -> str:
    """What the first run in the container printed."""
    container.set(train={"epochs": 12, "patience": 12}, evaluate={"bootstrap": 100, "map_rows": 60})
    assert not [name for name in container.env if name.startswith("AWS")]
    return container.run("hourglass", "run")


def status(url: str, body: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def keys(deployment, bucket: str) -> list[str]:
    """Names of all objects in a bucket."""
    import boto3

    given = deployment.environment("mlflow")
    client = boto3.client(
        "s3",
        endpoint_url=deployment.url("s3"),
        region_name=given["AWS_DEFAULT_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def consume(deployment) -> str:
    """Load the champion as a consumer does, without a key, and score."""
    env = {"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": deployment.url("mlflow")}
    done = subprocess.run(
        [sys.executable, "-c", CONSUMER], cwd="/", env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_run_without_git_rights_or_key_trains_and_registers(first, container):
    assert "Champion: models:/hourglass/1" in first
    assert (container.app / "reports" / "index.html").is_file()
    assert not (container.app / "mlruns" / "mlflow.db").exists()


def test_registered_files_lie_in_the_bucket(first, deployment, container):
    stored = {name.rpartition("/")[2] for name in keys(deployment, "mlflow")}
    package = container.app / "work" / "package" / "vae"
    packaged = {path.name for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert "weights.safetensors" in packaged
    assert packaged <= stored


def test_consumer_without_a_key_loads_the_champion_through_the_server(first, deployment):
    assert consume(deployment) == "True"


def asked(deployment, what: str) -> list[dict]:
    """Ask the Prefect server for all of something."""
    request = urllib.request.Request(
        f"{deployment.url('prefect')}/api/{what}/filter", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_flow_run_is_completed_on_the_prefect_server(first, deployment):
    assert {run["state_type"] for run in asked(deployment, "flow_runs")} == {"COMPLETED"}


def test_worker_registers_the_schedule_and_waits_for_runs(deployment, container):
    with container.running("hourglass", *deployment.services["worker"]["command"]):
        end = time.monotonic() + 120
        while not (asked(deployment, "deployments") and asked(deployment, "work_pools/hourglass/workers")):
            assert time.monotonic() < end
            time.sleep(1)
    assert {found["name"] for found in asked(deployment, "deployments")} == {"hourglass"}


def test_second_run_has_nothing_to_do(first, container):
    assert "0 stages ran" in container.run("hourglass", "run")


def test_code_of_the_image_is_linked_and_out_of_the_workers_reach(first, container):
    code = container.folder / "opt" / "hourglass"
    for name in ("src", "flows", "dvc.yaml", ".dvcignore"):
        assert (container.app / name).readlink() == code / name
    for path in code.rglob("*"):
        assert path.stat().st_uid == os.getuid()
    if os.getuid() == 0:
        said = container.run("compileall", "-f", "-q", str(code / "src"), expect=1)
        assert "Permission denied" in said


def test_old_project_folder_gets_the_code_of_a_new_image(first, container):
    code = container.folder / "opt" / "hourglass" / "src" / "hourglass" / "stages" / "compare.py"
    before = code.read_text()
    try:
        code.write_text(before + "\n# a new image\n")
        assert "src/hourglass" in container.run("dvc", "status", "compare")
    finally:
        code.write_text(before)


def test_data_and_results_go_to_a_dvc_remote_on_the_same_storage(first, deployment, container):
    given = deployment.environment("worker")
    key = {name: value for name, value in given.items() if name.startswith("AWS_")}
    container.run("dvc", "remote", "add", "--local", "--default", "store", "s3://dvc")
    container.run("dvc", "remote", "modify", "--local", "store", "endpointurl", deployment.url("s3"))
    container.run("dvc", "push", "--quiet", **key)
    assert len(keys(deployment, "dvc")) > 20
    assert "in sync" in container.run("dvc", "status", "--cloud", **key)


def test_storage_refuses_who_has_no_key(deployment):
    assert status(f"{deployment.url('s3')}/mlflow") == 403


@pytest.mark.parametrize(("host", "expected"), [("mlflow:5000", 200), ("localhost:5000", 200), ("evil.example", 403)])
def test_mlflow_answers_to_its_own_names_only(deployment, host, expected):
    search = "api/2.0/mlflow/registered-models/search"
    assert status(f"{deployment.url('mlflow')}/{search}", Host=host) == expected


@pytest.mark.parametrize(("origin", "expected"), [("https://mlflow.example.org", 200), ("https://evil.example", 403)])
def test_mlflow_takes_posts_from_pages_under_its_proxys_name_only(deployment, origin, expected):
    search = f"{deployment.url('mlflow')}/ajax-api/2.0/mlflow/experiments/search"
    json_body = {"Content-Type": "application/json", "Origin": origin}
    assert status(search, b'{"max_results": 1}', **json_body) == expected


def test_each_server_reaches_its_own_database_only(deployment):
    env = deployment.environment("mlflow")
    server = [
        "psql",
        "-h",
        "127.0.0.1",
        "-p",
        str(deployment.ports["postgres"]),
        "-U",
        "mlflow",
        "-c",
        "select 1",
        "-d",
    ]
    own, other = (
        subprocess.run([*server, name], env=env, capture_output=True, text=True, check=False)
        for name in ("mlflow", "prefect")
    )
    assert own.returncode == 0, own.stderr
    assert "permission denied" in other.stderr


def test_passwords_are_in_no_command_line(deployment):
    for name, child in deployment.running.items():
        assert not [word for word in child.args if "@ss" in word or "p%41" in word], name


def test_mlflow_keeps_everything_over_a_restart(first, deployment):
    deployment.stop("mlflow")
    deployment.start("mlflow", deployment.command("mlflow"))
    deployment.wait("mlflow")
    assert consume(deployment) == "True"
