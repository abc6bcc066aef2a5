"""What is measured of codes has a spread over seeds and sets."""

import numpy as np
import pytest

from hourglass.evaluation import representation as module
from hourglass.evaluation.baselines import Pca
from hourglass.evaluation.probes import clusters, neighbourhoods
from hourglass.evaluation.representation import representation
from tests.conftest import Packaged


@pytest.fixture(scope="module")
def pca(image_vae: Packaged) -> Pca:
    return Pca.of(image_vae.dataset, 4)


def normal(made: Packaged, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a split in the nets' units, their codes and classes."""
    rows, raw = made.dataset.rows(split), made.dataset.raw(split)
    kept = ~made.dataset.is_anomaly(rows.label)
    return made.dataset.normaliser(rows.x)[kept], made.model.encode(raw)[kept], np.asarray(rows.label)[kept]


def test_clusters_are_found_under_three_seeds(image_vae: Packaged, pca: Pca) -> None:
    found = representation(image_vae.model, image_vae.dataset, pca, seed=7)["model"]
    (_, train, _), (_, test, label) = (normal(image_vae, split) for split in ("train", "test"))
    each = [clusters(train, test, label, classes=9, seed=seed) for seed in (7, 8, 9)]
    for name in ("nmi", "ari"):
        values = [one[name] for one in each]
        assert found[name] == pytest.approx(np.mean(values))
        assert found[f"{name}_sd"] == pytest.approx(np.std(values, ddof=1))
    assert "linear_sd" not in found


def test_neighbours_of_few_rows_are_those_of_all_and_have_no_spread(image_vae: Packaged, pca: Pca) -> None:
    found = representation(image_vae.model, image_vae.dataset, pca, seed=0)
    x, z, _ = normal(image_vae, "test")
    assert (found["sets"], found["compared"]) == (1, len(x))
    assert found["model"].items() >= neighbourhoods(x, z).items()
    assert not {"trustworthiness_sd", "continuity_sd"} & set(found["model"])


def test_neighbours_of_many_rows_are_those_of_sets_that_share_no_row(
    image_vae: Packaged, pca: Pca, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COMPARED", 40)
    found = representation(image_vae.model, image_vae.dataset, pca, seed=0)
    x, z, _ = normal(image_vae, "test")
    each = [neighbourhoods(x[first::3][:40], z[first::3][:40])["continuity"] for first in range(3)]
    assert (found["sets"], found["compared"]) == (3, 40)
    assert found["model"]["continuity"] == pytest.approx(np.mean(each))
    assert found["model"]["continuity_sd"] == pytest.approx(np.std(each, ddof=1))
    assert found["pca"]["trustworthiness_sd"] > 0
