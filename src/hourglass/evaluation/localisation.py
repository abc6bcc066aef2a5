"""How well maps show where images of a data set are anomalous, beside what PCA and the untrained net show."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.data.masks import DatasetMasks
from hourglass.evaluation.choosing import some
from hourglass.evaluation.parts import room
from hourglass.evaluation.pixels import measured
from hourglass.runtime import Model

#: Images that are mapped at once.
_AT_ONCE = 64


def masks_of(dataset: Dataset) -> DatasetMasks:
    """Open the masks of a data set of images."""
    _, height, width = dataset.schema.shape
    return DatasetMasks(dataset.folder, (height, width))


def localisation(
    model: Model,
    dataset: Dataset,
    rivals: Mapping[str, Callable[[NDArray[np.float32]], NDArray[Any]]],
    index: NDArray[np.int64],
    scores: NDArray[np.float64],
) -> dict[str, Any] | None:
    """Hold the maps of images of test against their masks.

    The model's map is what its score is made of (`Model.attribute`), that of a rival its squared error. A normal image
    without a mask is normal throughout; an anomaly without one is left out, for nobody knows where it is anomalous.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        Of images.
    rivals : dict of str to callable
        Give the residuals of rows in the nets' units.
    index, scores : ndarray of shape (rows,)
        Of the images of test, in their order. Those without a score are left out.

    Returns
    -------
    dict or None
        ``images`` (those that have masks, and as many others as fit the memory), ``masked``, ``without_mask``
        (anomalies that are left out), and what `pixels.measured` says of ``model`` and each rival. None where no mask
        is known.
    """
    masks = masks_of(dataset)
    judged, has_mask, anomaly = np.isfinite(scores), masks.has(index), dataset.is_anomaly(dataset.labels("test"))
    without = judged & anomaly & ~has_mask
    masked = some(np.flatnonzero(judged & has_mask), room(dataset))
    others = some(np.flatnonzero(judged & ~has_mask & ~anomaly), max(0, room(dataset) - len(masked)))
    chosen = np.sort(np.concatenate([masked, others]))
    expected = masks.of(index[chosen])
    if not expected.any() or expected.all():
        return None
    maps: dict[str, list[NDArray[np.float64]]] = {"model": [], **{name: [] for name in rivals}}
    for start in range(0, len(chosen), _AT_ONCE):
        part = dataset.take("test", chosen[start : start + _AT_ONCE])
        parts = model.attribute(dataset.as_given(part))
        maps["model"].extend(parts.sum(axis=3) if parts.ndim == 4 else parts)
        x = dataset.normaliser(part.x)
        for name, rival in rivals.items():
            maps[name].extend(np.square(rival(x), dtype=np.float64).sum(axis=1))
    counts = {"images": len(chosen), "masked": len(masked), "without_mask": int(without.sum())}
    return counts | {name: measured(of, list(expected)) for name, of in maps.items()}
