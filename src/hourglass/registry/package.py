"""The folder that is registered, byte for byte."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from hourglass import models, runtime
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, read_json, write_json
from hourglass.models.shared.variant import Variant
from hourglass.outputs import MODEL, WEIGHTS
from hourglass.registry.export import export
from hourglass.runtime.conformal import threshold
from hourglass.runtime.errors import InputError
from hourglass.runtime.model import FORMAT_VERSION, MANIFEST, Model

RUNTIME = "runtime"


@dataclass(frozen=True)
class Trained:
    """A trained variant read from the output of ``train@V``.

    Parameters
    ----------
    model : Variant
        On the CPU, in evaluation mode.
    description : dict
        The content of ``model.json``.
    folder : Path
    """

    model: Variant
    description: dict[str, Any]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "Trained":
        """Read a model and its weights."""
        description = read_json(folder / MODEL)
        model = models.build(
            description["variant"], description["shape"], description["settings"], seed=description["seed"]
        )
        model.load_state_dict(load_file(folder / WEIGHTS))
        return cls(model.eval(), description, folder)


def package(trained: Trained, dataset: Dataset, alpha: float, folder: Path) -> None:
    """Fill a folder with everything a consumer needs.

    Parameters
    ----------
    trained : Trained
    dataset : Dataset
        Its calibration split sets the threshold.
    alpha : float
        Promised share of normal rows that raise an alarm.
    folder : Path
        Empty.

    Raises
    ------
    HourglassError
        There are too few calibration rows for `alpha`, or a graph differs from the net.
    """
    calibration = dataset.rows("calibration")
    x = torch.from_numpy(dataset.normaliser(np.asarray(calibration.x)))
    export(trained.model, folder, x)
    shutil.copyfile(trained.folder / WEIGHTS, folder / WEIGHTS)
    mean, factor = _prior(trained.model, dataset)
    np.save(folder / "prior_mean.npy", mean)
    np.save(folder / "prior_factor.npy", factor)
    _ship_runtime(folder)
    config = {
        "format_version": FORMAT_VERSION,
        "variant": trained.description["variant"],
        "settings": trained.description["settings"],
        "latent": trained.model.latent,
        "schema": dataset.schema.config(),
        "shape": dataset.info["shape"],
        "normaliser": dataset.normaliser.config(),
        "runtime": digest(folder_hashes(folder / RUNTIME)),
        "alpha": alpha,
        "nominal": not dataset.labelled,
    }
    scores = _calibration_scores(folder, config, dataset.raw("calibration"))
    normal = np.sort(scores[~dataset.is_anomaly(calibration.label)])
    np.save(folder / "calibration.npy", normal)
    try:
        config["threshold"] = threshold(normal, alpha)
    except InputError as too_few:
        raise HourglassError(str(too_few)) from too_few
    _seal(folder, config)


def _calibration_scores(folder: Path, config: dict[str, Any], rows: Any) -> NDArray[np.float64]:
    """Score by the package itself, so that the threshold fits what is served to the last bit."""
    np.save(folder / "calibration.npy", np.zeros(1))
    _seal(folder, config | {"threshold": 0.0})
    scores: NDArray[np.float64] = Model(folder).score(rows)["anomaly_score"].to_numpy()
    return scores


def _seal(folder: Path, config: dict[str, Any]) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    write_json(folder / "config.json", config)
    write_json(folder / MANIFEST, folder_hashes(folder))


def _prior(model: Variant, dataset: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give mean and factor of the Gaussian that codes are drawn from: the prior, or a fit to the training codes."""
    if model.has_prior:
        return np.zeros(model.latent), np.eye(model.latent)
    with torch.no_grad():
        x = torch.from_numpy(dataset.normaliser(np.asarray(dataset.rows("train").x)))
        codes = model.encode(x)["z"].double().numpy()
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))
    return codes.mean(0), vectors * np.sqrt(np.maximum(values, 0))


def _ship_runtime(folder: Path) -> None:
    source = Path(runtime.__file__).parent
    (folder / RUNTIME).mkdir()
    for path in sorted(source.glob("*.py")):
        shutil.copyfile(path, folder / RUNTIME / path.name)
    shutil.copyfile(Path(__file__).with_name("shim.py"), folder / "shim.py")
