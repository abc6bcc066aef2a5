"""What users of DVC expect of its commands."""

import json

import pytest

pytestmark = pytest.mark.slow


def changed(checkout) -> set[str]:
    return set(json.loads(checkout.dvc("status", "--json")))


def test_repro_after_a_run_has_nothing_to_do(unserved):
    assert "Data and pipelines are up to date" in unserved.dvc("repro")


@pytest.mark.services
def test_forced_repro_gives_the_same_lock(copy):
    before = copy.lock
    copy.dvc("repro", "--force")
    assert copy.lock == before


def test_one_number_under_a_variant_changes_that_variant_only(unserved):
    unserved.set(vae={"latent": 4})
    assert changed(unserved) == {"train@vae"}


@pytest.mark.services
def test_experiment_retrains_the_variant_and_its_metrics_show(copy):
    copy.git("commit", "--quiet", "--all", "--message", "first run")
    copy.dvc("exp", "run", "-S", "vae.latent=4")
    said = copy.dvc("metrics", "diff", "--json")
    shown = json.loads(said[said.index("{") :])
    assert set(shown) >= {"work/compare/metrics/vae.json"}
    assert "work/compare/metrics/autoencoder.json" not in shown
    assert "reconstruction" in str(shown["work/compare/metrics/vae.json"])


@pytest.mark.services
def test_dropped_variant_is_gone_everywhere(copy):
    copy.set(variants=["vae"])
    copy.dvc("repro")
    work = copy.root / "work"
    assert json.loads((work / "compare" / "leaderboard.json").read_text())["ranking"] == ["vae"]
    assert not [path for path in work.rglob("*") if "autoencoder" in path.name]
    copy.set(variants=["autoencoder", "vae"])
    assert "is cached - skipping run" in copy.dvc("repro")


def test_plots_draw_the_curves_of_every_variant(finished):
    checkout = finished.checkout
    checkout.dvc("plots", "show", "--out", str(checkout.root / ".dvc" / "tmp" / "plots"))
    page = (checkout.root / ".dvc" / "tmp" / "plots" / "index.html").read_text()
    for name in ("vae_kl", "vae_reconstruction", "autoencoder_reconstruction", "roc"):
        assert name in page


@pytest.mark.services
def test_remote_is_set_by_one_command_and_gets_the_results(copy, tmp_path):
    copy.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    copy.hourglass("track")
    copy.set(anomaly={"alpha": 0.1})  # another alpha belongs to the same trainings, and to the same MLflow runs
    assert "5 stages ran" in copy.hourglass("run")
    assert "Cache and remote 'store' are in sync" in copy.dvc("status", "--cloud")


def test_clone_without_data_or_remote_rebuilds_the_embedded_set(clone, tmp_path):
    fresh = clone.copy(tmp_path / "fresh")
    import shutil

    for name in ("data", "work", ".dvc/cache"):
        shutil.rmtree(fresh.root / name, ignore_errors=True)
    fresh.hourglass("data", "digits")
    assert fresh.git("status", "--porcelain", "data.dvc", "params.yaml") == ""
