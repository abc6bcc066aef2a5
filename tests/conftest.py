"""Data sets, and models trained on them and packaged once per session, whatever the number of its workers."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from hourglass import models
from hourglass.data import making, proposal, snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.data.snapshot import Snapshot
from hourglass.data.sources import Raw
from hourglass.files import write_json
from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.package import package
from hourglass.registry.trained import Trained
from hourglass.runtime import Model
from hourglass.stages.inputs import rows_of
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from tests import exporting
from tests.sharing import first
from tests.sources import read_source

pytest_plugins = ["tests.projects", "tests.faults.plugin", "tests.serving"]

torch.set_num_threads(1)
# MLflow imports the shim of a package from where it lies, and tests share packages
sys.dont_write_bytecode = True

# a busy machine is no defect
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def quick_exports() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", exporting.export)
        yield


@pytest.fixture(autouse=True)
def exact_denormals() -> Iterator[None]:
    """Undo what training sets up for its whole process."""
    yield
    torch.set_flush_denormal(False)


DIGITS = DataParams(label="digit", anomalous=[8])
TUMOURS = DataParams(source="breast_cancer", label="diagnosis", normal=["benign"])


@dataclass(frozen=True)
class Packaged:
    """A data set, a variant trained on it, and the package made of both."""

    dataset: Dataset
    trained: Trained
    folder: Path

    @property
    def model(self) -> Model:
        return Model(self.folder)

    @classmethod
    def read(cls, folder: Path) -> "Packaged":
        return cls(Dataset(folder / "dataset"), Trained.read(folder / "train"), folder / "package")


def packaged(raw: Raw, data: DataParams, variant: str, settings: dict[str, Any], folder: Path) -> Packaged:
    """Package what isn't there yet: workers that name one folder share what the first of them makes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with first(folder.with_suffix(".made")) as mine:
        if mine:
            _make(raw, data, variant, settings, folder)
            folder.with_suffix(".made").touch()
    return Packaged.read(folder)


def _make(raw: Raw, data: DataParams, variant: str, settings: dict[str, Any], folder: Path) -> None:
    (folder / "dataset").mkdir(parents=True)
    ingest(Snapshot.of(raw), folder / "dataset", data, SplitParams())
    dataset = Dataset(folder / "dataset")
    trained = train(dataset, variant, settings, folder / "train")
    (folder / "package").mkdir()
    package(trained, dataset, 0.1, folder / "package")


def train(dataset: Dataset, variant: str, settings: dict[str, Any], folder: Path) -> Trained:
    folder.mkdir()
    rows = [rows_of(dataset, split, torch.device("cpu"), 2**30) for split in ("train", "validation")]
    beside = {"known": dataset.known, "known_shape": dataset.known_shape}
    beside |= {"categories": dataset.schema.categories, "embedded": dataset.schema.embedded}
    model = models.build(variant, dataset.info["shape"], settings, seed=0, **beside)
    courses = fit(model, *rows, TrainSettings(epochs=15, batch=64, lr=3e-3), seed=0, folder=folder)
    save_file(model.state_dict(), folder / "weights.safetensors")
    description = {
        "variant": variant,
        "shape": dataset.info["shape"],
        "settings": settings,
        "seed": 0,
    } | beside
    write_json(folder / "model.json", description | {"courses": [asdict(course) for course in courses]})
    return Trained.read(folder)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Raw:
    """The embedded images, with their labels beside."""
    folder = tmp_path_factory.mktemp("digits") / "data"
    making.build("digits", folder, DIGITS)
    return snapshot.read(folder)


@pytest.fixture(scope="session")
def tumours(tmp_path_factory: pytest.TempPathFactory) -> Raw:
    """The embedded table, with a column of categories added."""
    folder = tmp_path_factory.mktemp("breast_cancer") / "data"
    making.build("breast_cancer", folder, TUMOURS)
    frame = snapshot.read(folder).rows
    frame["size"] = np.where(frame["mean radius"] > 12, "large", "small")
    return Raw("table", frame, frame)


@pytest.fixture(scope="session")
def image_vae(digits: Raw, shared: Path) -> Packaged:
    """A VAE on labelled images."""
    settings = {"latent": 4, "hidden": [64]}
    return packaged(digits, DIGITS, "vae", settings, shared / "image_vae")


@pytest.fixture(scope="session")
def image_cvae(digits: Raw, shared: Path) -> Packaged:
    """A conditional VAE that is told the class of an image."""
    settings = {"latent": 4, "hidden": [64]}
    told = DIGITS.model_copy(update={"condition": ["digit"]})
    return packaged(digits, told, "cvae", settings, shared / "image_cvae")


@pytest.fixture(scope="session")
def image_vq_vae(digits: Raw, shared: Path) -> Packaged:
    """A vector-quantised autoencoder, whose samples are drawn entry by entry."""
    settings = {"latent": 8, "hidden": [64], "entries": 16, "width": 16}
    return packaged(digits, DIGITS, "vq_vae", settings, shared / "image_vq_vae")


@pytest.fixture(scope="session")
def table_autoencoder(tumours: Raw, shared: Path) -> Packaged:
    """A plain autoencoder on a table of numbers and categories, without labels."""
    frame: pd.DataFrame = tumours.rows.drop(columns="diagnosis")
    settings = {"latent": 3, "hidden": [32]}
    folder = shared / "table_autoencoder"
    return packaged(Raw("table", frame, frame), DataParams(), "autoencoder", settings, folder)


@pytest.fixture(scope="session")
def waves() -> pd.DataFrame:
    """Readings of two channels every five minutes, of two machines; the first breaks down for two hours."""
    draw = np.random.default_rng(0)
    when = pd.date_range("2024-01-01", periods=1500, freq="5min", tz="Europe/Berlin")
    phase = 2 * np.pi * np.arange(1500) / 48
    machines = [
        pd.DataFrame(
            {
                "when": when,
                "machine": name,
                "heat": 60 + 5 * np.sin(phase + shift) + draw.normal(0, 0.3, 1500),
                "load": np.cos(phase + shift) + draw.normal(0, 0.06, 1500),
            }
        )
        for name, shift in (("a", 0.0), ("b", 1.0))
    ]
    machines[0].loc[1000:1023, "heat"] = 60 + 20 * draw.normal(size=24)
    return pd.concat(machines, ignore_index=True)


@pytest.fixture
def no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it to the folder to say which project it belongs to."""
    monkeypatch.delenv("HOURGLASS_HOME", raising=False)


@pytest.fixture(scope="session")
def signal_denoising(waves: pd.DataFrame, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A denoising autoencoder of windows of sixteen points, without labels."""
    folder = tmp_path_factory.mktemp("signal")
    waves.drop(index=range(1000, 1024)).to_csv(folder / "waves.csv", index=False)
    given = {"time": "when", "series": "machine", "window": 16, "stride": 4}
    proposed = proposal.proposed_params("waves.csv", signal=kind_settings("signal", given))
    data, _, _ = proposal.settled(str(folder / "waves.csv"), proposed, SplitParams())
    settings = {"latent": 4, "hidden": [32], "corruption": "gaussian"}
    raw = read_source(str(folder / "waves.csv"), data)
    return packaged(raw, data, "denoising", settings, shared / "signal_denoising")


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose MLflow store is there, which takes seconds to make; each test uses names of its own."""
    root = tmp_path_factory.mktemp("store")
    (root / ".dvc").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        store.connect(Project(root, root))
    return Project(root, root)
