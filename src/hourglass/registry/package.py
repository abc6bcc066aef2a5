"""The folder that is registered, byte for byte."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass import runtime
from hourglass.data.dataset import Dataset
from hourglass.drift.reference import Gathering
from hourglass.errors import HourglassError
from hourglass.evaluation.parts import parts, sample
from hourglass.files import digest, folder_hashes, write_json
from hourglass.models.shared.priors import Fitted, Prior
from hourglass.models.shared.transformer import CodeTransformer
from hourglass.models.shared.variant import Variant
from hourglass.outputs import WEIGHTS, member_folder
from hourglass.registry import blocks, promise
from hourglass.registry.export import export
from hourglass.registry.scoring import fitted
from hourglass.registry.trained import Trained
from hourglass.runtime.conformal import threshold
from hourglass.runtime.errors import InputError
from hourglass.runtime.manifest import MANIFEST
from hourglass.runtime.model import Model
from hourglass.runtime.opened import FORMAT_VERSION
from hourglass.scores import resolve
from hourglass.scores.shared.score import Score
from hourglass.settings import AUTO

RUNTIME = "runtime"
#: Rows that are encoded at once, and on which graphs are checked at most.
_AT_ONCE = 4096


def package(
    trained: Trained,
    dataset: Dataset,
    alpha: float,
    folder: Path,
    *,
    calibrated_on: Literal["auto", "clean", "contaminated"] = "auto",
    score: str = AUTO,
) -> None:
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
    calibrated_on : {"auto", "clean", "contaminated"}
        What is known of the rows that no label calls anomalous; see `promise.stated`. Where they aren't known to be
        normal, the score is fitted robustly.
    score : str
        How rows are scored: a name of `hourglass.scores`.

    Raises
    ------
    HourglassError
        There are too few calibration rows for `alpha`, or a graph differs from the net.
    """
    examples = dataset.take("calibration", sample(dataset, "calibration", most=_AT_ONCE))
    _copy_weights(trained, folder)
    name, members = resolve(score), (trained.model, *trained.others)
    stated = promise.stated(calibrated_on, dataset.schema, labelled=dataset.labelled)
    fill(
        folder,
        model=trained.model,
        others=trained.others,
        scores=fitted(members, dataset, name, robust=stated["calibrated_on"] != "clean"),
        prior=_prior(trained.model, dataset),
        examples=dataset.normaliser(examples.x),
        condition=examples.condition if trained.model.conditional else None,
        config=_description(trained, dataset) | {"score": name, "alpha": alpha, **stated},
        calibration=(
            (dataset.as_given(rows), ~dataset.is_anomaly(rows.label)) for rows, _ in parts(dataset, "calibration")
        ),
        dropped=_dropped(dataset),
    )


def fill(
    folder: Path,
    *,
    model: Variant,
    prior: Prior | None,
    examples: NDArray[np.float32],
    condition: NDArray[np.float32] | None,
    config: dict[str, Any],
    calibration: Iterable[tuple[Any, NDArray[np.bool_]]],
    others: Sequence[Variant] = (),
    scores: Sequence[Score] = (),
    dropped: tuple[int, int] | None = None,
) -> None:
    """Write graphs, runtime, settings, threshold, reference and manifest into a folder that holds the weights.

    Parameters
    ----------
    folder : Path
    model : Variant
        On the CPU.
    prior : Prior or None
        What new codes are drawn from; None where the variant's own `code_prior` draws them.
    examples : ndarray of shape (rows, *shape)
        Rows in the net's units that graphs are checked on.
    condition : ndarray of shape (rows, known) or None
        What a conditional variant is told of them.
    config : dict
        What the runtime is told: variant, schema, normaliser, `alpha` and so on.
    calibration : iterable of (DataFrame or ndarray) and (ndarray of bool)
        Calibration rows as people have them, in parts, and which of them are normal and set the threshold.
    others : sequence of Variant
        The other members of an ensemble.
    scores : sequence of Score
        How each member's rows are scored, the one that `config` names as ``score``; mse where none are given.
    dropped : tuple of int and int, optional
        Rows of the snapshot that can't be judged, and all of its rows; by default none of the calibration rows.

    Raises
    ------
    HourglassError
        There are too few calibration rows for `alpha`, or a graph differs from the net.
    """
    told = None if condition is None else torch.from_numpy(condition)
    export(model, prior, folder, torch.from_numpy(examples), told, others, scores)
    sizes = blocks.sizes(folder / "reconstruct.onnx", examples, *([] if condition is None else [condition]))
    _ship_runtime(folder)
    config = config | {
        "format_version": FORMAT_VERSION,
        "latent": model.latent,
        "blocks": sizes,
        "runtime": digest(folder_hashes(folder / RUNTIME)),
    }
    config |= _sampling(prior, model.code_prior)
    if others:
        config["ensemble"] = len(others) + 1
    found, gathered = _calibrated(folder, config, calibration)
    gathered.reference(dropped).write(folder)
    normal_scores = np.sort(found)
    np.save(folder / "calibration.npy", normal_scores)
    _seal(folder, config | {"threshold": _threshold(normal_scores, config["alpha"])})


def _description(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    """Tell the runtime what was trained, and on what rows."""
    return {
        "variant": trained.description["variant"],
        "settings": trained.description["settings"],
        "schema": dataset.schema.config(),
        "shape": dataset.info["shape"],
        "dtype": dataset.info["dtype"],
        "condition": dataset.info["condition"] if trained.model.conditional else None,
        "normaliser": dataset.normaliser.config(),
    }


def _copy_weights(trained: Trained, folder: Path) -> None:
    for number, weights in enumerate(trained.weights, start=1):
        target = member_folder(folder, number) / WEIGHTS
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights, target)


def _threshold(normal_scores: NDArray[np.float64], alpha: float) -> float:
    try:
        return threshold(normal_scores, alpha)
    except InputError as too_few:
        raise HourglassError(str(too_few)) from too_few


def _calibrated(
    folder: Path, config: dict[str, Any], calibration: Iterable[tuple[Any, NDArray[np.bool_]]]
) -> tuple[NDArray[np.float64], Gathering]:
    """Score normal rows by the package itself, so that the threshold fits what is served to the last bit."""
    np.save(folder / "calibration.npy", np.zeros(1))
    _seal(folder, config | {"threshold": 0.0})
    model, found, first_row = Model(folder), [np.zeros(0)], 0
    gathered = Gathering(model)
    for rows, normal in calibration:
        found.append(model.score(rows, first_row=first_row)["anomaly_score"].to_numpy()[normal])
        gathered.take(rows, normal, first_row)
        first_row += len(normal)
    return np.concatenate(found), gathered


def _dropped(dataset: Dataset) -> tuple[int, int]:
    """Count the rows of the snapshot that couldn't be judged, and all."""
    gone = sum(dataset.info["dropped"][why] for why in ("missing_or_infinite", "unseen_category"))
    return gone, gone + sum(found["rows"] for found in dataset.info["counts"].values())


def _seal(folder: Path, config: dict[str, Any]) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    write_json(folder / "config.json", config)
    write_json(folder / MANIFEST, folder_hashes(folder))


def _prior(model: Variant, dataset: Dataset) -> Prior | None:
    """Give what new codes are drawn from: the variant's prior, or a fit to the training codes; None: a `code_prior`."""
    if model.prior is not None or model.code_prior is not None:
        return model.prior
    x = torch.from_numpy(dataset.normaliser(dataset.take("train", sample(dataset, "train")).x))
    with torch.no_grad():
        return Fitted(torch.cat([model.encode(part)["z"] for part in torch.split(x, _AT_ONCE)]))


def _sampling(prior: Prior | None, code_prior: CodeTransformer | None) -> dict[str, Any]:
    """Tell what the runtime draws codes from."""
    if prior is not None:
        return {"noise": prior.noise, "sampled_from": prior.words, "entries": None, "cache": None}
    assert code_prior is not None  # noqa: S101
    cache = list(code_prior.empty(1).shape[1:])
    return {"noise": None, "sampled_from": code_prior.words, "entries": code_prior.entries, "cache": cache}


def _ship_runtime(folder: Path) -> None:
    source = Path(runtime.__file__).parent
    (folder / RUNTIME).mkdir()
    for path in sorted(source.glob("*.py")):
        shutil.copyfile(path, folder / RUNTIME / path.name)
    shutil.copyfile(Path(__file__).with_name("shim.py"), folder / "shim.py")
