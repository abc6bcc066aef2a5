"""What the codes of a package are good for, beside those of PCA."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation.baselines import Pca
from hourglass.evaluation.choosing import some
from hourglass.evaluation.generation import over_sets
from hourglass.evaluation.parts import room
from hourglass.evaluation.probes import clusters, neighbourhoods, probes
from hourglass.runtime import Model

#: Normal rows of train that probes and clusters are fitted to, of test that they are scored on, and of a set of those
#: that neighbours are compared of, at most.
_FITTED, _SCORED, _COMPARED = 5000, 5000, 1000
#: Sets whose neighbours are compared, at most, and seeds of k-means.
_SETS, _SEEDS = 3, 3

#: Rows below which nothing is measured.
_FEWEST = 5


@dataclass(frozen=True)
class _Coded:
    """Normal rows of a split that the model can judge, in the nets' units, with their codes and classes."""

    x: NDArray[np.float32]
    z: NDArray[Any]
    label: NDArray[np.int64]

    @classmethod
    def of(cls, model: Model, dataset: Dataset, split: str, most: int) -> "_Coded":
        normal = np.flatnonzero(~dataset.is_anomaly(dataset.labels(split)))
        rows = dataset.take(split, some(normal, min(most, room(dataset))))
        z = model.encode(dataset.as_given(rows))
        judged = np.isfinite(z).all(axis=1)
        return cls(dataset.normaliser(rows.x)[judged], z[judged], np.asarray(rows.label)[judged])

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: Any) -> "_Coded":
        return _Coded(self.x[which], self.z[which], self.label[which])

    def by(self, pca: Pca) -> "_Coded":
        """Take the codes of PCA instead."""
        return _Coded(self.x, pca.codes(self.x), self.label)


def representation(model: Model, dataset: Dataset, pca: Pca, *, seed: int) -> dict[str, Any]:
    """Measure codes of normal rows: what is fitted is fitted to train and scored on test, and nothing is chosen.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    pca : Pca
        As wide as the code.
    seed : int
        Of k-means: this and the next two.

    Returns
    -------
    dict
        Of ``model`` and of ``pca`` what `neighbourhoods` gives, of so many ``sets`` of so many rows ``compared``; where
        normal rows have several classes, what `probes` and `clusters` give, too, of so many rows ``fitted``, ``scored``
        and ``classes``. Of several sets, and of k-means under several seeds, values are means, ``NAME_sd`` beside them
        tells how far the sets or the seeds differ. Empty for too few rows.
    """
    fitted, scored = (_Coded.of(model, dataset, *of) for of in (("train", _FITTED), ("test", _SCORED)))
    if len(scored) < _FEWEST:
        return {}
    sets = min(max(1, len(scored) // _COMPARED), _SETS)
    compared = [scored.take(slice(first, None, sets)).take(slice(_COMPARED)) for first in range(sets)]
    found: dict[str, Any] = {"compared": len(compared[0]), "sets": sets}
    found["model"] = _over([neighbourhoods(rows.x, rows.z) for rows in compared])
    found["pca"] = _over([neighbourhoods(rows.x, pca.codes(rows.x)) for rows in compared])
    classes = np.unique(fitted.label[fitted.label >= 0])
    fitted, scored = (part.take(np.isin(part.label, classes)) for part in (fitted, scored))
    if len(classes) < 2 or not len(scored):
        return found
    for name, (train, test) in {"model": (fitted, scored), "pca": (fitted.by(pca), scored.by(pca))}.items():
        found[name] |= probes(train.z, train.label, test.z, test.label)
        seeds = range(seed, seed + _SEEDS)
        found[name] |= _over([clusters(train.z, test.z, test.label, classes=len(classes), seed=one) for one in seeds])
    return found | {"fitted": len(fitted), "scored": len(scored), "classes": len(classes)}


def _over(found: list[dict[str, float]]) -> dict[str, float]:
    """Give means and standard deviations of several measurements, and a single one as it is: it has no spread."""
    return over_sets(found) if len(found) > 1 else found[0]
