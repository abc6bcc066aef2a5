"""The strangest rows of a split, and why they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.runtime import Model

#: Rows that are told of, and reasons of each.
ROWS, REASONS = 8, 3


def of_split(model: Model, dataset: Dataset, split: str, scores: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Name what the scores of the strangest rows come from, the strangest first.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    split : str
    scores : ndarray of shape (rows,)
        Of all rows of the split; NaN where a row can't be judged.

    Returns
    -------
    list of dict
        ``row``, its number in the snapshot; ``class``, its code, -1 without one; ``score``; and ``reasons``, pairs of a
        column or a place and its share of the score; see `Model.explain`.
    """
    judged = np.flatnonzero(np.isfinite(scores))
    places = judged[np.argsort(-scores[judged], kind="stable")[:ROWS]]
    rows = dataset.take(split, places)
    explained = model.explain(dataset.as_given(rows), REASONS)
    count = len(explained.columns) // 2
    return [
        {
            "row": int(rows.index[number]),
            "class": int(rows.label[number]),
            "score": float(scores[place]),
            "reasons": _pairs(explained.iloc[number], count),
        }
        for number, place in enumerate(places)
    ]


def _pairs(explained: Any, count: int) -> list[list[Any]]:
    """Give names and shares; none of a row that is rebuilt to the last bit."""
    pairs = [(explained[f"reason_{place}"], explained[f"share_{place}"]) for place in range(1, count + 1)]
    return [[str(name), float(share)] for name, share in pairs if np.isfinite(share)]
