"""Projects whose stages have really run, small and once per session; each worker has a copy."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from hourglass import params
from hourglass.data import making
from hourglass.files import read_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.standing import Standing
from hourglass.report.render import render
from hourglass.stages import compare, evaluate, ingest, package, train
from hourglass.sweep.records import About, Records, Trial, folder_of
from tests.chromium import Page, chromium
from tests.sharing import first

CHECKOUT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "variants": ["autoencoder", "vae"],
    "train": {"device": "cpu", "epochs": 8, "batch": 64, "lr": 3e-3},
    "autoencoder": {"latent": 4, "hidden": [48]},
    "vae": {"latent": 4, "hidden": [48]},
    "anomaly": {"alpha": 0.1},
    "evaluate": {"bootstrap": 100, "map_rows": 150},
}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page of a browser for all tests of a worker."""
    with chromium(tmp_path_factory.mktemp("profile"), "--blink-settings=preferredColorScheme=1") as page:
        yield page


@dataclass
class Ran:
    """A project after its stages."""

    project: Project
    params: Params

    def page(self, standing: Standing | None = None) -> str:
        return render(self.project, self.params, standing).read_text(encoding="utf-8")

    @cached_property
    def plain(self) -> str:
        """The page without a registry, rendered once."""
        return self.page()

    @cached_property
    def explorer(self) -> Path:
        """The explorer beside that page."""
        assert self.plain
        assert self.project.explorer is not None
        return self.project.explorer

    def evaluation(self, variant: str) -> dict[str, Any]:
        return read_json(self.project.output("evaluate", variant) / "evaluation.json")

    def copy(self, folder: Path) -> "Ran":
        """Give a copy that a test may spoil."""
        shutil.copytree(self.project.root, folder, ignore=shutil.ignore_patterns("mlruns", ".hourglass", "src"))
        return Ran(Project(folder, folder), self.params)


@pytest.fixture(scope="session")
def ran(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, dict[str, Any]], Ran]:
    """Run all stages on a source, unless another worker has under that name."""

    def ran(name: str, source: str, settings: dict[str, Any]) -> Ran:
        original, root = shared / f"report_{name}", tmp_path_factory.mktemp(name) / "project"
        with first(original.with_suffix(".made")) as mine:
            if mine:
                _run(original, source, settings)
                original.with_suffix(".made").touch()
        shutil.copytree(original, root, symlinks=True)
        return Ran(Project(root, root), params.load(root / "params.yaml"))

    return ran


def _run(root: Path, source: str, settings: dict[str, Any]) -> None:
    root.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copyfile(CHECKOUT / "dvc.yaml", root / "dvc.yaml")
    YAML().dump(SMALL | settings, root / "params.yaml")
    Repo.init(str(root), no_scm=True).close()
    project, loaded = Project(root, root), params.load(root / "params.yaml")
    making.build(source, project.data, loaded.data)
    with chdir(root), pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "mirrored", lambda *_: nullcontext())  # the report needs no MLflow
        ingest.run(project, loaded)
        for variant in loaded.variants:
            for stage in (train, package, evaluate):
                stage.run(project, loaded, variant)
        compare.run(project, loaded)


@pytest.fixture(scope="session")
def images(ran: Any, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Labelled images; a class has a hostile name."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    names = np.array([f"digit {name}" for name in range(10)], dtype="<U64")
    names[3] = "<script>alert('3')</script>"
    folder = tmp_path_factory.mktemp("images")
    np.savez(folder / "digits.npz", x=bunch.images.astype(np.uint8), digit=names[bunch.target])
    data = {"source": "digits.npz", "label": "digit", "anomalous": ["digit 8"]}
    return ran("images", str(folder / "digits.npz"), {"data": data})


@pytest.fixture(scope="session")
def special(ran: Any) -> Ran:
    """Images, and variants that have something of their own to show."""
    data = {"source": "digits", "label": "digit", "anomalous": [8], "condition": ["digit"]}
    settings = {
        "data": data,
        "variants": ["cvae", "denoising", "sparse", "vq_vae"],
        "cvae": {"latent": 4, "hidden": [48]},
        "denoising": {"latent": 4, "hidden": [48]},
        "sparse": {"latent": 16, "hidden": [48], "sparsity": "top_k", "k": 3},
        "vq_vae": {"latent": 8, "hidden": [48], "quantiser": "residual", "entries": 16, "width": 16, "layers": 1},
    }
    return ran("special", "digits", settings)


@pytest.fixture(scope="session")
def table(ran: Any) -> Ran:
    """A labelled table."""
    data = {"source": "breast_cancer", "label": "diagnosis", "normal": ["benign"]}
    settings = {"data": data, "variants": ["autoencoder"]}
    return ran("table", "breast_cancer", settings)


@pytest.fixture(scope="session")
def signals(ran: Any, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """An unlabelled series of two channels: sines. The width of the code is found by training."""
    folder = tmp_path_factory.mktemp("signals")
    draw = np.random.default_rng(0)
    phase = np.arange(3200) / 8
    sines = np.stack([np.sin(phase), np.cos(phase)], axis=1) + draw.normal(0, 0.1, (3200, 2))
    pd.DataFrame(sines, columns=["sine", "cosine"]).rename_axis("second").to_csv(folder / "sines.csv")
    signal = {"time": "second", "columns": ["sine", "cosine"], "period": "1s", "window": 48, "stride": 8}
    settings = {
        "data": {"source": "sines.csv", "signal": signal},
        "split": {"by": "time", "column": "start"},
        "variants": ["autoencoder", "denoising"],
        "autoencoder": {"latent": "auto"},
        "denoising": {"latent": 4, "hidden": [48], "corruption": "additive"},
    }
    return ran("signals", str(folder / "sines.csv"), settings)


@pytest.fixture(scope="session")
def swept(images: Ran, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The images' project after two sweeps, the second on other data."""
    copy = images.copy(tmp_path_factory.mktemp("swept") / "copy")
    data = read_json(copy.project.inputs("train@vae"))["deps"]["work/dataset"]
    space = {"vae.hidden": [[8], [16]], "train.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
    states = ["complete", "complete", "pruned", "failed", "complete"]
    for name, dataset in (("vae-1", data), ("vae-2", "another")):
        records = Records(folder_of(copy.project) / name)
        records.begin(About("vae", "auroc", True, space, dataset, {}))
        for number, state in enumerate(states):
            value = (5 + number) / 10 if state == "complete" else None
            settings = {"train.lr": 1e-3, "vae.hidden": [8] if number else None}
            records.add(Trial(number, settings, state, value, [1.0] * 3))
    return copy
