"""The anomaly scores of a package, fitted to the rows that its nets were trained and stopped on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hourglass import scores
from hourglass.data.dataset import Dataset
from hourglass.evaluation.parts import sample
from hourglass.models.shared.variant import Variant
from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen

#: Rows of a split that scores are fitted to, at most.
MOST = 20_000


def fitted(members: Sequence[Variant], dataset: Dataset, name: str, *, robust: bool) -> list[Score]:
    """Fit a score for each member of an ensemble: what one means by a code, another doesn't.

    Parameters
    ----------
    members : sequence of Variant
        On the CPU, in evaluation mode.
    dataset : Dataset
        Its train and validation splits are what is fitted to; the calibration split sets the threshold and stays apart.
    name : str
        See ``anomaly.score``.
    robust : bool
        Whether there may be anomalies among the rows.
    """
    given = _rows(members[0], dataset)
    image = dataset.info["shape"] if dataset.schema.config()["kind"] == "image" else ()
    return [fit(name, member, *given, robust=robust, image=image) for member in members]


def fit(name: str, model: Variant, x: Tensor, *told: Tensor, robust: bool, image: Sequence[int] = ()) -> Score:
    """Fit a score to rows of shape (rows, *shape) in the net's units; a conditional variant is told `told` of them."""
    return scores.get(name)(image).fit(Seen.in_blocks(model, x, *told), robust=robust)


def _rows(model: Variant, dataset: Dataset) -> list[Tensor]:
    """Take rows as they come to be judged: without the label."""
    taken = [dataset.take(split, sample(dataset, split, most=MOST)) for split in ("train", "validation")]
    x = torch.from_numpy(dataset.normaliser(np.concatenate([rows.x for rows in taken])))
    if not model.conditional or dataset.conditioning is None:
        return [x]
    told = np.concatenate([rows.condition for rows in taken])
    return [x, torch.from_numpy(np.zeros_like(told) if dataset.conditioning.of_label else told)]
