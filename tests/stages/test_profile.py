import json

import pytest

from hourglass import params
from hourglass.data.ingest import ingest
from hourglass.data.params import SplitParams
from hourglass.data.snapshot import Snapshot
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.stages.profile import profile_step
from hourglass.training import profile
from tests.conftest import TUMOURS

PARAMS = """
variants: [autoencoder, cvae]
data: {source: breast_cancer, label: diagnosis, normal: [benign]}
train: {device: cpu, batch: 64}
autoencoder: {latent: auto, hidden: [8]}
cvae: {latent: 2, hidden: [8]}
"""


@pytest.fixture
def project(tumours, tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "_WARM", 10)
    monkeypatch.setattr(profile, "_MEASURED", 5)
    project = Project(tmp_path, tmp_path)
    project.params_file.write_text(PARAMS)
    project.dataset.mkdir(parents=True)
    ingest(Snapshot.of(tumours), project.dataset, TUMOURS, SplitParams())
    return project


def test_a_profile_is_a_table_and_two_files_and_trains_nothing(project):
    said = profile_step(project, params.load(project.params_file), "autoencoder")
    assert "matrix products" in said
    numbers = json.loads((project.root / "reports" / "train-autoencoder.profile.json").read_text())
    assert numbers["rows"] == 64
    assert (project.root / "reports" / "train-autoencoder.trace.json").exists()
    assert not project.output("train", "autoencoder").exists()


def test_a_profile_refuses_what_training_refuses(project):
    with pytest.raises(HourglassError, match=r"^params\.yaml: cvae is told what is known of a row"):
        profile_step(project, params.load(project.params_file), "cvae")
