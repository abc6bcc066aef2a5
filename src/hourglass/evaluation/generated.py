"""New rows of a package, from its own prior and from where codes really are, against real ones."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation import aggregate, frechet, generation, memorisation
from hourglass.evaluation.baselines import Pca
from hourglass.evaluation.choosing import some
from hourglass.evaluation.parts import room, sample
from hourglass.evaluation.portrait.rows import in_net_units
from hourglass.runtime import Model

Rows = NDArray[np.float32]


def known(model: Model, dataset: Dataset, count: int, *, seed: int) -> Any:
    """Give what a conditional model is told of rows that it makes; None to one that isn't told anything.

    It is what is known of rows of calibration, drawn with replacement: neither training nor what samples are held
    against has these. A model that is told much of each row says little without.
    """
    if model.conditioning is None:
        return None
    told = dataset.take("calibration", sample(dataset, "calibration")).condition
    told = told[told[:, -1] == 1]
    if not len(told):
        return None
    chosen = model.conditioning.decode(told[np.random.default_rng(seed).integers(len(told), size=count)])
    return chosen if isinstance(chosen, pd.DataFrame) else {model.conditioning.names[0]: chosen}


def generated(
    model: Model, dataset: Dataset, places: NDArray[np.int64], shown: Rows, *, seed: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Compare sets of as many samples with held-out normal rows and with training rows.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    places : ndarray of int64
        Of the normal rows of test.
    shown : ndarray of shape (rows, *shape)
        Samples whose nearest training rows are wanted.
    seed : int

    Returns
    -------
    dict
        What `generation.compare` gives, and for ``samples`` and ``train``, too, the ``frechet`` distance in the
        ``space`` that is named and, but of training rows, whether they are ``memorised``. ``aggregate`` is the same of
        codes drawn from a mixture fitted to those of training rows, where codes aren't made of entries. Of what is
        drawn the values are means over three sets, ``NAME_sd`` beside them tells how far the sets differ.
    dict of str to ndarray
        ``nearest_x``, of the shape of `shown`.
    """
    draw = np.random.default_rng(seed)
    count = min(len(places), dataset.count("train"), generation.ROWS)
    held_out, reachable = (
        dataset.normaliser(dataset.take(split, of[draw.permutation(len(of))[:count]]).x)
        for split, of in (("test", places), ("train", np.arange(dataset.count("train"))))
    )
    sets = generation.SETS
    asked = known(model, dataset, sets * max(count, 1), seed=seed)
    samples = model.sample(sets * max(count, 1), seed=seed, condition=asked)
    drawn = {"samples": np.split(in_net_units(model, samples), sets)}
    train = dataset.take("train", some(np.arange(dataset.count("train")), min(memorisation.ROWS, room(dataset))))
    seen = dataset.normaliser(train.x)
    arrays = {"nearest_x": seen[memorisation.nearest(shown, seen)[0]]}
    found = generation.compare(held_out, drawn["samples"], reachable)
    if not found:
        return {}, arrays
    of_codes = _from_codes(model, dataset, sets * count, draw, seed)
    if of_codes is not None:
        drawn["aggregate"] = np.split(of_codes, sets)
        found["aggregate"] = generation.over_sets([generation.closeness(held_out, rows) for rows in drawn["aggregate"]])
    pca = Pca.of(dataset, frechet.COMPONENTS)
    real = pca.codes(held_out)
    found["space"] = frechet.space(len(pca.axes))
    found["train"]["frechet"] = frechet.distance(real, pca.codes(reachable))
    far = memorisation.nearest(held_out, seen)[1]
    for name, parts in drawn.items():
        measured = [
            {
                "frechet": frechet.distance(real, pca.codes(rows)),
                "memorised": memorisation.memorised(memorisation.nearest(rows, seen)[1], far),
            }
            for rows in parts
        ]
        found[name] |= generation.over_sets(measured)
    return found, arrays


def _from_codes(
    model: Model, dataset: Dataset, count: int, draw: np.random.Generator, seed: int
) -> NDArray[np.float32] | None:
    """Draw rows from where the codes of training rows are; None where codes are made of entries."""
    told = model.posterior(dataset.as_given(dataset.take("train", sample(dataset, "train", aggregate.ROWS))))
    if "index" in told:
        return None
    codes = aggregate.codes_of(told, draw)
    finite = codes[np.isfinite(codes).all(axis=1)]
    drawn = aggregate.draw(finite, count, seed=seed)
    return in_net_units(model, model.decode(drawn, condition=known(model, dataset, count, seed=seed)))
