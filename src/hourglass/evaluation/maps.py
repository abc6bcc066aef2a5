"""Codes laid out in the plane by several methods, and how far each map may be believed."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.choosing import some
from hourglass.evaluation.probes import NEIGHBOURS, neighbourhoods

Layout = NDArray[np.float32]

#: Neighbours that UMAP keeps near.
_NEAR = 15
#: Rows that maps are judged by, and that all but the first map show, at most: t-SNE takes a second for some 700.
_JUDGED = 500
#: Of t-SNE (van der Maaten & Hinton 2008, section 3.4): the neighbours that count, about, and steps, of which the first
#: half draws clusters together.
_PERPLEXITY, _STEPS = 30, 500


@dataclass(frozen=True)
class Map:
    """Codes in the plane.

    Parameters
    ----------
    rows : ndarray of int64, shape (rows,)
        Which codes, by their places.
    layout : ndarray of shape (rows, 2)
    numbers : dict of str to float
        Of the rows that all maps are judged by: ``trustworthiness`` and ``continuity`` against the codes, and, where
        there are classes, ``neighbours``: the share of rows whose class most of the five nearest others have. ``rows``
        says how many they are.
    """

    rows: NDArray[np.int64]
    layout: Layout
    numbers: dict[str, float]


def maps(z: NDArray[Any], label: NDArray[np.int64], *, seed: int) -> dict[str, Map]:
    """Lay codes out in the plane, and judge every map by the same rows.

    Codes of one or two units are their own map.

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
    label : ndarray of shape (rows,)
        Class codes, -1 where unlabelled.
    seed : int

    Returns
    -------
    dict of str to Map
        ``umap`` of all rows, ``pca`` and ``tsne`` of at most 500, chosen at random; or ``code`` of all.
    """
    every = np.arange(len(z))
    judged = some(every, _JUDGED)

    def judge(rows: NDArray[np.int64], layout: Layout) -> Map:
        shown = layout if len(rows) == len(judged) else layout[judged]
        return Map(rows, layout, judgement(z[judged], shown, label[judged]))

    if z.shape[1] <= 2:
        return {"code": judge(every, np.pad(z, ((0, 0), (0, 2 - z.shape[1]))).astype(np.float32))}
    found = {"umap": judge(every, umap(z, seed=seed))}
    others: dict[str, Callable[..., Layout]] = {"pca": pca, "tsne": tsne}
    return found | {name: judge(judged, lay(z[judged], seed=seed)) for name, lay in others.items()}


def judgement(z: NDArray[Any], layout: NDArray[Any], label: NDArray[np.int64]) -> dict[str, float]:
    """Tell how far a map may be believed (Venna & Kaski 2001; Cover & Hart 1967).

    All but ``rows`` are from 0 to 1, higher is better; see `Map`.

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
    layout : ndarray of shape (rows, 2)
    label : ndarray of shape (rows,)
        Class codes, -1 where unlabelled.
    """
    found: dict[str, float] = {"rows": len(z)} | neighbourhoods(z, layout)
    known = label >= 0
    if len(np.unique(label[known])) > 1:
        found["neighbours"] = _alike(layout[known], label[known])
    return found


def _alike(layout: NDArray[Any], label: NDArray[np.int64]) -> float:
    """Share of rows whose class most of the nearest others have; the smallest code where classes are equally many."""
    from sklearn.neighbors import NearestNeighbors

    nearest = (
        NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(label) - 1)).fit(layout).kneighbors(return_distance=False)
    )
    votes = np.stack([(label[nearest] == one).sum(1) for one in range(label.max() + 1)], axis=1)
    return float((votes.argmax(1) == label).mean())


def umap(z: NDArray[Any], *, seed: int) -> Layout:
    """Lay codes out with UMAP (McInnes, Healy & Melville 2018): shape (rows, 2).

    The exact neighbours come from scikit-learn, as UMAP would compile a search of its own.
    """
    from sklearn.neighbors import NearestNeighbors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        neighbours = min(_NEAR, len(z) - 1)
        distances, indices = NearestNeighbors(n_neighbors=neighbours).fit(z).kneighbors(z)
        knn = (indices.astype(np.int32), distances.astype(np.float32))
        _keep_compiled()
        method = UMAP(n_neighbors=neighbours, precomputed_knn=knn, random_state=seed, n_jobs=1, init="pca")
        layout: Layout = method.fit_transform(z)
    return layout


def _keep_compiled() -> None:
    """Have numba keep UMAP's compiled functions on disk; else every process compiles them, for ten seconds."""
    from numba.core.dispatcher import Dispatcher
    from umap import layouts, umap_

    for function in [*vars(layouts).values(), *vars(umap_).values()]:
        if isinstance(function, Dispatcher) and not function.signatures:
            function.enable_caching()


def pca(z: NDArray[Any], *, seed: int) -> Layout:
    """Lay codes out along the two directions that they vary most along (Pearson 1901): shape (rows, 2)."""
    from sklearn.decomposition import PCA

    layout: Layout = PCA(2, svd_solver="full", random_state=seed).fit_transform(z).astype(np.float32)
    return layout


def tsne(z: NDArray[Any], *, seed: int) -> Layout:
    """Lay codes out with t-SNE, begun at PCA's map (van der Maaten & Hinton 2008): shape (rows, 2).

    One thread, for sums in another order give other maps.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if not np.ptp(z, axis=0).any():
        return np.zeros((len(z), 2), np.float32)
    perplexity = min(_PERPLEXITY, (len(z) - 1) / 3)
    with threadpool_limits(1):
        method = TSNE(perplexity=perplexity, max_iter=_STEPS, init="pca", random_state=seed, n_jobs=1)
        layout: Layout = method.fit_transform(np.ascontiguousarray(z, np.float32))
    return layout
