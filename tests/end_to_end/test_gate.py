"""Who becomes champion, with real versions of real models."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.services
def test_worse_setting_is_registered_but_not_promoted_and_other_inputs_are_refused(copy):
    first = copy.hourglass("run")
    assert "is the first champion" in first
    copy.set(variants=["autoencoder"], autoencoder={"latent": 1}, train={"epochs": 1})
    worse = copy.hourglass("run")
    assert "version 2 (autoencoder) is not promoted; version 1 stays champion" in worse
    assert "another variant or setting must be better" in worse
    copy.hourglass("data", "breast_cancer")
    copy.set(anomaly={"alpha": 0.1})
    other = copy.hourglass("run")
    assert "takes other inputs than the champion" in other
    assert "registry.name" in other
    listed = copy.hourglass("models")
    assert [line.split()[1] for line in listed.splitlines() if "auroc" in line] == ["3", "2", "1"]
    (champion,) = [line for line in listed.splitlines() if "│ champion │" in line]
    assert champion.split()[1] == "1"
