"""Bounds on log p(x) of rows of test, by the weights of a package."""

from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation.bounds import bounds
from hourglass.evaluation.net import packaged_net
from hourglass.models.shared.likelihoods import SquaredError
from hourglass.models.shared.variational import Variational
from hourglass.params import EvaluateParams
from hourglass.runtime import Model

#: Numbers that are decoded in all, about, and the rows that are measured whatever that costs.
_NUMBERS, _LEAST = 2**26, 16


def likelihood(
    model: Model, dataset: Dataset, places: NDArray[np.int64], settings: EvaluateParams, *, seed: int
) -> dict[str, Any]:
    """Measure how much of rows the model explains, in nats.

    Graphs give the mean of p(x | z) alone; its density takes the net, which is built with the package's own weights. A
    conditional model is told what is known of the rows.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    places : ndarray of int64
        Of rows of test, of which some are chosen at random: `bound_rows`, or fewer where rows are large.
    settings : EvaluateParams
    seed : int

    Returns
    -------
    dict
        What `Bounds.content` gives; empty for a model without a posterior, for one whose likelihood isn't in nats
        (``mse``), and without rows.
    """
    net = packaged_net(model)
    if not isinstance(net, Variational) or isinstance(net.likelihood, SquaredError) or not len(places):
        return {}
    most = max(_LEAST, _NUMBERS // (settings.bound_draws * prod(model.schema.shape)))
    chosen = np.random.default_rng(seed).permutation(places)[: min(settings.bound_rows, most)]
    rows = dataset.take("test", np.sort(chosen))
    condition = torch.from_numpy(rows.condition) if net.conditional else None
    generator = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(dataset.normaliser(rows.x))
    return bounds(net, x, condition, draws=settings.bound_draws, generator=generator).content()
