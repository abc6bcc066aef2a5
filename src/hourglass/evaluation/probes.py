"""What codes know of classes and numbers that no training was told: probes, clusters, and directions."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.detection import share

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Neighbours that vote.
NEIGHBOURS = 5
#: Starts of k-means, of which the best by its own objective is kept.
_STARTS = 10


def probes(z: NDArray[Any], label: Labels, test_z: NDArray[Any], test_label: Labels) -> dict[str, float]:
    """Classify held-out codes by what was fitted to others.

    Nothing is chosen: both probes have one setting. The linear one is a logistic regression on standardised codes with
    the penalty ``|w|^2 / 2`` (Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes");
    the other takes the majority of the five nearest codes (Cover & Hart 1967).

    Parameters
    ----------
    z, label : ndarray of shape (rows, latent) and (rows,)
        What they are fitted to.
    test_z, test_label : ndarray of shape (others, latent) and (others,)

    Returns
    -------
    dict
        ``linear``, ``neighbours``: shares that are classified right, 0 to 1, higher is better, with exact 95 %
        intervals; ``majority``: that of the most frequent class, which is chance.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    nearest = KNeighborsClassifier(min(NEIGHBOURS, len(z)))
    found: dict[str, float] = {}
    for name, probe in (("linear", linear), ("neighbours", nearest)):
        right = probe.fit(z, label).predict(test_z) == test_label
        found |= share(int(right.sum()), len(right), name)
    return found | {"majority": float((test_label == np.bincount(label).argmax()).mean())}


def clusters(z: NDArray[Any], test_z: NDArray[Any], test_label: Labels, *, classes: int, seed: int) -> dict[str, float]:
    """Tell whether codes lie in heaps, and whether these are the classes.

    k-means with as many clusters as there are classes is fitted to codes without their labels; held-out codes go to the
    nearest centre.

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
        What k-means is fitted to.
    test_z, test_label : ndarray of shape (others, latent) and (others,)
    classes : int
    seed : int
        Of the starts of k-means.

    Returns
    -------
    dict
        ``nmi``, mutual information of cluster and class by the mean of their entropies, 0 to 1 (Strehl & Ghosh 2002);
        ``ari``, share of pairs that both treat alike, adjusted for chance, about 0 by chance and 1 where they agree
        (Hubert & Arabie 1985). Higher is better.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct codes than clusters: a collapse, which the numbers tell
        means = KMeans(classes, n_init=_STARTS, random_state=seed).fit(np.ascontiguousarray(z, np.float64))
    found = means.predict(np.ascontiguousarray(test_z, np.float64))
    return {
        "nmi": float(normalized_mutual_info_score(test_label, found)),
        "ari": float(adjusted_rand_score(test_label, found)),
    }


def neighbourhoods(x: NDArray[Any], z: NDArray[Any], *, neighbours: int = 15) -> dict[str, float]:
    """Tell how far codes keep who is near whom (Venna & Kaski 2001, equations 1 and 2).

    Trustworthiness of n rows and k neighbours is ``1 - 2 / (n k (2 n - 3 k - 1)) sum_i sum_j (r(i, j) - k)`` over the k
    nearest codes j of each row i that aren't among its k nearest rows, where r is the rank of row j by its distance
    from row i. Continuity is that with rows and codes in each other's place.

    Parameters
    ----------
    x : ndarray of shape (rows, ...)
        In the net's units.
    z : ndarray of shape (rows, latent)
    neighbours : int
        Less where there are fewer than twice as many rows.

    Returns
    -------
    dict
        ``trustworthiness``: neighbours among codes are neighbours among rows; ``continuity``: the other way round. Both
        0 to 1, higher is better.
    """
    from sklearn.manifold import trustworthiness

    flat, count = x.reshape(len(x), -1), min(neighbours, (len(x) - 1) // 2)
    return {
        "trustworthiness": float(trustworthiness(flat, z, n_neighbors=count)),
        "continuity": float(trustworthiness(z, flat, n_neighbors=count)),
    }


def directions(z: NDArray[Any], label: Labels) -> tuple[Labels, Array]:
    """Point from the mean code of all rows without a class to that of its rows, for each class.

    The attribute vectors of Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric", section
    3.3.

    Returns
    -------
    ndarray of int64, shape (classes,)
        The classes that both some rows have and some haven't.
    ndarray of shape (classes, latent)
    """
    present = np.unique(label)
    codes = z.astype(np.float64)
    if len(present) < 2:
        return present[:0], np.zeros((0, z.shape[1]))
    return present, np.stack([codes[label == one].mean(0) - codes[label != one].mean(0) for one in present])


def separation(z: NDArray[Any], label: Labels, present: Labels, axes: Array) -> list[float]:
    """AUROC of each class along its direction, on held-out codes: 0.5 is chance, 1 best; missing ones are NaN.

    Parameters
    ----------
    z, label : ndarray of shape (rows, latent) and (rows,)
    present, axes : ndarray of shape (classes,) and (classes, latent)
        As `directions` gives them.
    """
    from sklearn.metrics import roc_auc_score

    has = [label == one for one in present]
    return [
        float(roc_auc_score(one, z @ axis)) if one.any() and not one.all() else float("nan")
        for one, axis in zip(has, axes, strict=True)
    ]


def slopes(z: NDArray[Any], numbers: Array) -> Array:
    """Point where codes go as a number grows: by least squares, for each of its standard deviations.

    The covariance of codes and number by the number's deviation. Of a number that is 0 or 1 it goes the way of
    `directions`. The weights of a line that tells the number from codes are something else: they are large where units
    hardly vary, and lead away from all codes (Haufe et al. 2014, "On the interpretation of weight vectors of linear
    models in multivariate neuroimaging", section 2.2).

    Parameters
    ----------
    z : ndarray of shape (rows, latent)
    numbers : ndarray of shape (rows, numbers)
        Each differs from row to row.

    Returns
    -------
    ndarray of shape (numbers, latent)
    """
    codes, standard = z.astype(np.float64), (numbers - numbers.mean(0)) / numbers.std(0)
    found: Array = standard.T @ (codes - codes.mean(0)) / len(codes)
    return found


@dataclass(frozen=True)
class Lines:
    """Numbers as lines through codes: the linear probe of `probes` for numbers, without a penalty.

    Parameters
    ----------
    weights : ndarray of shape (latent, numbers)
    offsets : ndarray of shape (numbers,)
    """

    weights: Array
    offsets: Array

    @classmethod
    def of(cls, z: NDArray[Any], numbers: Array) -> Self:
        """Fit them by least squares; of many that fit take those with the smallest weights on standardised codes."""
        centre, scale, mean = z.mean(0, np.float64), z.std(0, np.float64), numbers.mean(0)
        scale[scale == 0] = 1
        weights = np.linalg.lstsq((z - centre) / scale, numbers - mean, rcond=None)[0] / scale[:, None]
        return cls(weights, mean - centre @ weights)

    def r2(self, z: NDArray[Any], numbers: Array) -> Array:
        """Tell how much of each number they tell: shape (numbers,), at most 1, which is all; 0 is as good as the mean.

        1 minus the squared error over the squared distance from the mean, on the rows given (Wright 1921). NaN of a
        number that never differs.
        """
        error = np.square(numbers - z @ self.weights - self.offsets).sum(0)
        spread = np.square(numbers - numbers.mean(0)).sum(0)
        return np.asarray(1 - error / np.where(spread > 0, spread, np.nan))
