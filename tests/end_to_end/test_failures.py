"""What people read when something is wrong: one sentence, a non-zero exit, nothing half-written."""

import shutil

import pytest

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"


def sentence(said: str) -> str:
    (line,) = [line for line in said.splitlines() if line.startswith("hourglass: ")]
    return line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"train": {"epoch": 3}}, "unknown key 'train.epoch'; did you mean 'train.epochs'?"),
        ({"variants": ["vae", "vea"]}, "variants[1] is 'vea'"),
        ({"train": {"lr": -1.0}}, "train.lr is -1.0; it should be greater than 0"),
        ({"anomaly": {"alpha": 2.0}}, "anomaly.alpha is 2.0; it should be less than 1"),
        ({"vae": {"latents": 3}}, "unknown key 'vae.latents'; did you mean 'vae.latent'?"),
    ],
)
def test_wrong_setting_ends_a_run_before_anything_happens(unserved, change, expected):
    unserved.set(**change)
    before = unserved.lock
    said = unserved.hourglass("run", expect=1)
    assert expected in sentence(said)
    assert "Traceback" not in said
    assert unserved.lock == before


def test_impossible_alpha_is_refused_with_the_rows_it_needs(unserved):
    unserved.set(anomaly={"alpha": 0.001})
    said = unserved.dvc("repro", expect=255)
    assert "at least 999 are needed" in sentence(said)


def test_source_that_does_not_exist_leaves_the_snapshot_alone(unserved):
    before = sorted(path.name for path in unserved.root.iterdir())
    assert "doesn't exist" in sentence(unserved.hourglass("data", "nowhere.csv", expect=1))
    assert sorted(path.name for path in unserved.root.iterdir()) == before
    assert unserved.git("status", "--porcelain", "data.dvc", "params.yaml") == ""


@pytest.mark.services
def test_training_finishes_without_mlflow_and_track_catches_up(copy):
    copy.set(vae={"latent": 3})
    said = copy.hourglass("run", expect=1, MLFLOW_TRACKING_URI=NOWHERE)
    assert "MLflow at http://127.0.0.1:9 can't be reached" in sentence(said)
    assert (copy.root / "reports" / "index.html").exists()
    assert "up to date" in copy.dvc("repro")
    assert copy.hourglass("track").count("is complete") == 2


def test_prefect_server_that_is_down_is_named_and_dvc_still_works(unserved):
    said = unserved.hourglass("run", expect=1, PREFECT_API_URL=f"{NOWHERE}/api")
    assert "Prefect's API at http://127.0.0.1:9/api can't be reached" in sentence(said)
    assert "up to date" in unserved.dvc("repro")


def test_temporary_prefect_server_that_is_slow_is_given_up_in_a_sentence(unserved):
    env = {"PREFECT_API_URL": "", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "0"}
    said = unserved.hourglass("run", expect=1, **env)
    assert "Prefect's temporary server didn't answer within 0 s" in sentence(said)


def test_temporary_prefect_server_that_cannot_start_is_named_with_its_status(unserved):
    env = {"PREFECT_API_URL": "", "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/prefect.db"}
    said = unserved.hourglass("run", expect=1, **env)
    assert "Prefect's temporary server ended with status 3; what it said is above" in sentence(said)


def test_prefect_settings_are_those_of_the_project_also_in_a_folder_below(unserved):
    (unserved.root / "flows" / "deploy.py").write_text(
        "from prefect.settings import get_current_settings\n"
        "def main(command):\n    print('every', get_current_settings().flows.heartbeat_frequency, 's')\n"
    )
    below = type(unserved)(unserved.root / "src", unserved.env)
    assert "every 30 s" in below.hourglass("deploy")


def test_moved_project_is_told_that_mlflow_keeps_absolute_paths(finished, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(finished.frozen.root, moved)
    said = type(finished.checkout)(moved, finished.checkout.env).hourglass("track", expect=1)
    assert "this project was moved" in sentence(said)


def test_commands_outside_a_project_say_where_to_go(tmp_path, finished):
    said = type(finished.checkout)(tmp_path, finished.checkout.env).hourglass("ingest", expect=1)
    assert "is in no Hourglass project" in sentence(said)


def test_damaged_lock_is_named_by_a_stage(unserved):
    (unserved.root / "dvc.lock").write_text("stages: [")
    assert "dvc.lock is damaged; `hourglass run` mends it" in sentence(unserved.hourglass("track", expect=1))


@pytest.mark.services
def test_project_without_git_works(copy):
    shutil.rmtree(copy.root / ".git")
    assert "0 stages ran" in copy.hourglass("run")
    assert "up to date" in copy.dvc("repro")
