"""Which entries of a codebook rows use."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass.models.shared.diagnostics import perplexity
from hourglass.runtime import Model


def codebook(model: Model, index: NDArray[np.int64]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Count how often rows choose each entry.

    Parameters
    ----------
    model : Model
        Of a quantised variant.
    index : ndarray of int64, shape (rows, places)
        The entries of held-out normal rows.

    Returns
    -------
    dict
        ``entries`` of a codebook, ``places`` of a row; for each codebook (the residual quantiser has two) the
        ``used_entries``, the ``unused_entries``, which no row chose, and the ``perplexity``, the exponential of the
        entropy of the choices: as many entries as would be used equally often, 1 to all, higher is better (van den Oord
        et al. 2017).
    dict of str to ndarray
        ``codebook_usage`` of shape (codebooks, entries): share of the choices.
    """
    entries = model.config["entries"]
    depth = 2 if model.config["settings"].get("quantiser") == "residual" else 1
    books = [index.reshape(-1, depth)[:, level] for level in range(depth)]
    usage = np.stack([np.bincount(book, minlength=entries) / book.size for book in books])
    used = [perplexity(torch.from_numpy(np.ascontiguousarray(book)), entries) for book in books]
    facts = [one | {"unused_entries": entries - one["used_entries"]} for one in used]
    return {"entries": entries, "places": index.shape[1], "books": facts}, {"codebook_usage": usage}
