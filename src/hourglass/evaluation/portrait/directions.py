"""What changes in a row when its code goes the way of a class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.portrait.rows import Rows, decode
from hourglass.evaluation.probes import directions, separation
from hourglass.runtime import Model

#: Classes shown at most, and steps of a walk: from so far against the direction to so far along it, in its lengths.
_CLASSES, _STEPS, _FAR = 8, 7, 1.0


def class_directions(model: Model, rows: Rows, z: NDArray[Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Go from the mean code along the direction of each class, and tell whether the direction tells the class.

    Parameters
    ----------
    model : Model
    rows : Rows
        Held-out normal rows; every second one makes the directions, the others judge them.
    z : ndarray of shape (rows, latent)

    Returns
    -------
    dict
        ``labels``, the class codes, of ``of`` classes that there are; ``auroc`` of each on the other half. Empty where
        rows have fewer than two classes.
    dict of str to ndarray
        ``direction_x`` of shape (classes, steps, *shape).
    """
    known = np.flatnonzero(rows.label >= 0)
    made, judged = known[::2], known[1::2]
    present, axes = directions(z[made], rows.label[made])
    both = (
        np.isin(present, rows.label[judged]) if len(np.unique(rows.label[judged])) > 1 else np.zeros(len(present), bool)
    )
    present, axes = present[both], axes[both]
    if not len(present):
        return {}, {}
    shown = axes[:_CLASSES]
    along = np.linspace(-_FAR, _FAR, _STEPS)[:, None]
    codes = z[made].mean(axis=0) + (shown[:, None] * along).reshape(-1, model.latent)
    x = decode(model, codes.astype(np.float32), rows.take([int(known[0])]))
    auroc = separation(z[judged], rows.label[judged], present, axes)
    facts = {"labels": present[:_CLASSES].tolist(), "of": len(present), "auroc": auroc[:_CLASSES]}
    return facts, {"direction_x": x.reshape(len(shown), _STEPS, *model.schema.shape)}
