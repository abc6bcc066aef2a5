"""Everything that a variant has to show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.baselines import untrained_net
from hourglass.evaluation.portrait.codebook import codebook
from hourglass.evaluation.portrait.conditions import to_order
from hourglass.evaluation.portrait.denoising import denoising
from hourglass.evaluation.portrait.directions import class_directions
from hourglass.evaluation.portrait.prior import against_prior
from hourglass.evaluation.portrait.rows import Rows
from hourglass.evaluation.portrait.sparsity import sparsity
from hourglass.evaluation.portrait.translation import translation
from hourglass.evaluation.portrait.walks import interpolations, traversals
from hourglass.runtime import Model


def portray(
    model: Model,
    held_out: Rows,
    found: dict[str, NDArray[Any]],
    test: Rows,
    *,
    tuning: Rows,
    train: Rows,
    seed: int,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Collect what the package has to show.

    Parameters
    ----------
    model : Model
    held_out : Rows
        Normal ones that the model can judge.
    found : dict of str to ndarray
        What the encoder says of them.
    test, tuning, train : Rows
        Normal ones that the model can judge: of test, of selection (what rivals' strengths are chosen on) and of train
        (what rivals are fitted to).
    seed : int

    Returns
    -------
    dict of str to dict
        Facts, by what they are about; what the package hasn't is left out.
    dict of str to ndarray
        Pictures of rows in the nets' units, and distributions.
    """
    settings = model.config["settings"]
    prior = untrained_net(model.config, seed=seed).prior
    parts: dict[str, tuple[dict[str, Any], dict[str, NDArray[Any]]]] = {}
    if len(held_out):
        parts["traversals"] = traversals(model, held_out, found)
        parts["directions"] = class_directions(model, held_out, found["z"])
        if "index" in found:
            parts["codebook"] = codebook(model, found["index"])
        if "sparsity" in settings:
            parts["sparsity"] = sparsity(found["z"], settings)
        if prior is not None:
            parts["prior"] = against_prior(prior, found, seed=seed)
    if len(test) > 1:
        parts["interpolations"] = interpolations(model, test)
        if "corruption" in settings:
            parts["denoising"] = denoising(model, test, tuning, seed=seed)
        if model.conditioning is not None and model.conditioning.known_shape:
            parts["translation"] = translation(model, test, tuning, train)
    parts["conditions"] = to_order(model, seed=seed)
    facts = {name: about for name, (about, _) in parts.items() if about}
    return facts, {name: np.asarray(values) for _, arrays in parts.values() for name, values in arrays.items()}
