"""A fitted estimator as a package of the pipeline's format."""

import copy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.estimator.net import Net
from hourglass.models.shared import weights
from hourglass.outputs import WEIGHTS
from hourglass.registry.package import fill
from hourglass.runtime.conformal import threshold
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import Column, TableSchema
from hourglass.scores import resolve

if TYPE_CHECKING:
    from hourglass.estimator.autoencoder import Autoencoder


def save(net: Net, estimator: "Autoencoder", folder: Path) -> None:
    """Fill a folder with everything a consumer needs; see `Autoencoder.save`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HourglassError(f"{folder} is there already; name a new folder.")
    threshold(estimator.calibration_scores_, estimator.alpha)  # before the work of exporting
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as whole_or_absent:
        building = Path(whole_or_absent, folder.name)
        building.mkdir()
        _fill(net, estimator, building)
        building.replace(folder)


def _fill(net: Net, estimator: "Autoencoder", folder: Path) -> None:
    model = copy.deepcopy(net.model).float()
    weights.save(model, folder / WEIGHTS)
    calibration, conditioning = estimator.calibration_rows_, estimator.conditioning_
    count, is_image = len(calibration), estimator.schema_.kind == "image"
    schema, rows = _as_given(estimator)
    fill(
        folder,
        model=model,
        prior=None if net.prior is None else copy.deepcopy(net.prior).float(),
        examples=estimator.normaliser_(calibration),
        condition=conditioning.usual(count) if conditioning else None,
        scores=[copy.deepcopy(net.scored_by).float()],
        config={
            "variant": models.ALIASES.get(estimator.variant, estimator.variant),
            "settings": estimator.settings_,
            "schema": schema.config(),
            "shape": list(schema.shape),
            "dtype": "uint8" if is_image else str(calibration.dtype),
            "condition": conditioning.config() if conditioning else None,
            "normaliser": estimator.normaliser_.config(),
            "score": resolve(estimator.scoring),
            "alpha": estimator.alpha,
            "calibrated_on": "contaminated" if estimator.contaminated else "unlabelled",
            "nominal": True,
        },
        calibration=[(rows, np.ones(count, bool))],
    )


def _as_given(estimator: "Autoencoder") -> tuple[Schema, Any]:
    """Give what a row is and the calibration rows, as a table where `fit` was given one."""
    if hasattr(estimator, "feature_names_in_"):
        schema = TableSchema(tuple(Column(str(name), "number") for name in estimator.feature_names_in_))
        return schema, schema.decode(estimator.calibration_rows_)
    return estimator.schema_, estimator.schema_.decode(estimator.calibration_rows_)
