"""Maps of a data set's images are held against its masks, beside what PCA and the untrained net show."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data import masks
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.snapshot import Snapshot
from hourglass.data.sources import Raw
from hourglass.evaluation.localisation import localisation

DEFECT = np.arange(36).reshape(6, 6) < 9


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Images of which every third is anomalous, with a mask."""
    x = np.random.default_rng(0).integers(0, 100, (90, 6, 6), np.uint8)
    odd = np.arange(90) % 3 == 0
    x[odd] += (100 * DEFECT).astype(np.uint8)
    side = pd.DataFrame({"kind": np.where(odd, "odd", "good")})
    data = DataParams(label="kind", normal=["good"])
    ingest(Snapshot.of(Raw("image", x, side)), tmp_path, data, SplitParams())
    masks.write(((int(row), DEFECT) for row in np.flatnonzero(odd)), tmp_path)
    return Dataset(tmp_path)


def found(dataset: Dataset, scores: Any = None) -> dict[str, Any] | None:
    index = dataset.rows("test").index
    model: Any = SimpleNamespace(attribute=lambda rows: (rows >= 100).astype(float))
    rivals = {"pca": lambda x: x, "untrained": np.zeros_like}
    return localisation(model, dataset, rivals, index, np.zeros(len(index)) if scores is None else scores)


def test_a_map_that_shows_the_defects_stands_beside_weaker_ones(dataset: Dataset) -> None:
    measured = found(dataset)
    assert measured is not None
    rows, anomalies = (dataset.info["counts"]["test"][name] for name in ("rows", "anomalies"))
    assert (measured["images"], measured["masked"], measured["without_mask"]) == (rows, anomalies, 0)
    assert measured["model"]["pixel_auroc"] == 1
    assert 0.5 < measured["pca"]["pixel_auroc"] <= 1
    assert measured["untrained"]["pixel_auroc"] == 0.5


def test_anomalies_without_a_mask_and_what_cannot_be_judged_are_left_out(dataset: Dataset) -> None:
    index, anomaly = dataset.rows("test").index, dataset.is_anomaly(dataset.labels("test"))
    (first, *others), normal = index[anomaly], np.flatnonzero(~anomaly)[0]
    for file in (dataset.folder / "masks").iterdir():
        file.unlink()
    (dataset.folder / "masks").rmdir()
    masks.write(((int(row), DEFECT) for row in others), dataset.folder)
    measured = found(dataset, np.where(np.arange(len(index)) == normal, np.nan, 0.0))
    assert measured is not None
    assert (measured["without_mask"], measured["masked"], measured["images"]) == (1, len(others), len(index) - 2)
    assert first not in others


def test_nothing_is_measured_where_no_mask_is_known(dataset: Dataset) -> None:
    for file in (dataset.folder / "masks").iterdir():
        file.unlink()
    assert found(dataset) is None
