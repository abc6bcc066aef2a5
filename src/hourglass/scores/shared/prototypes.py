"""Rows that stand for all: those themselves where they are few, else centres of k-means."""

import torch
from torch import Tensor

#: Passes of k-means, at most; and distances that all of them together may take, some seconds, of which two are granted.
_PASSES, _DISTANCES = 15, 2**28
#: Rows whose distances to all prototypes are in memory at once.
_AT_ONCE = 4096


def prototypes(rows: Tensor, most: int, least: float = 0.0) -> Tensor:
    """Choose prototypes by Lloyd's k-means from rows drawn at random; the same for the same rows.

    Source: Lloyd 1982, "Least squares quantization in PCM".

    Parameters
    ----------
    rows : Tensor of shape (rows, numbers)
    most : int
        Prototypes, at most; fewer rows are their own.
    least : float
        Share of the rows that a centre must stand for to be kept.

    Returns
    -------
    Tensor of shape (prototypes, numbers)
    """
    if len(rows) <= most:
        return rows.clone()
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:most]
    centres, counts = rows[drawn].clone(), torch.ones(most)
    for _ in range(min(_PASSES, max(2, _DISTANCES // (len(rows) * most)))):
        nearest = torch.cat([squares(part, centres).argmin(1) for part in torch.split(rows, _AT_ONCE)])
        counts = torch.bincount(nearest, minlength=most)
        sums = torch.zeros_like(centres).index_add_(0, nearest, rows)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled, None]
    kept = counts >= max(1, least * len(rows))
    return centres[kept] if kept.any() else centres[counts.argmax()][None]


def squares(rows: Tensor, centres: Tensor) -> Tensor:
    """Give squared distances, less those of rows to 0, by one matrix product: shape (rows, centres)."""
    return torch.addmm(centres.square().sum(1), rows, centres.T, alpha=-2)
