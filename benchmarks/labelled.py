"""What `anomaly.py` and its peers judge: labelled tables and digits, their splits, and the measure of a judgement.

Numpy and scikit-learn alone, for the peers live in an environment of their own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Fits rows and gives the scores of others, larger where more anomalous.
Detector = Callable[[Array, Array, int], Array]


@dataclass(frozen=True)
class Task:
    """Rows, and which are anomalies.

    Parameters
    ----------
    name : str
    x : ndarray of shape (rows, ...)
    anomaly : ndarray of bool, shape (rows,)
    """

    name: str
    x: Array
    anomaly: Array

    @classmethod
    def of_table(cls, path: Path, most: int) -> Self:
        """Read an ``.npz`` with X and y (0 is normal); of more than `most` rows take so many, as many of each kind."""
        with np.load(path, allow_pickle=False) as file:
            x, anomaly = np.asarray(file["X"], np.float64), np.asarray(file["y"]).ravel() > 0
        if len(x) > most:
            draw = np.random.default_rng(0)
            kinds = [np.flatnonzero(anomaly == kind) for kind in (False, True)]
            kept = [draw.choice(rows, max(2, round(most * len(rows) / len(x))), replace=False) for rows in kinds]
            rows = np.sort(np.concatenate(kept))
            x, anomaly = x[rows], anomaly[rows]
        return cls(path.stem, x, anomaly)

    @classmethod
    def of_digit(cls, path: Path, digit: int, most: int) -> Self:
        """Read an ``.npz`` with images x and their digits y: one is normal, the nine others aren't."""
        with np.load(path, allow_pickle=False) as file:
            x, y = file["x"], file["y"]
        if len(x) > most:
            rows = np.sort(np.random.default_rng(0).choice(len(x), most, replace=False))
            x, y = x[rows], y[rows]
        return cls(f"digit {digit}", x, y != digit)

    def split(self, seed: int, *, contaminated: bool) -> tuple[Array, Array]:
        """Give the places of rows to train on and of rows to judge.

        A random half of the normal rows trains, all else is judged; `contaminated`: 70 % of both kinds train.
        """
        draw = np.random.default_rng(seed)
        normal, odd = (draw.permutation(np.flatnonzero(self.anomaly == kind)) for kind in (False, True))
        if not contaminated:
            half = len(normal) // 2
            return normal[:half], np.concatenate([normal[half:], odd])
        cuts = [(rows, round(0.7 * len(rows))) for rows in (normal, odd)]
        train, judged = (np.concatenate(parts) for parts in zip(*((r[:at], r[at:]) for r, at in cuts), strict=True))
        return train, judged

    def measure(self, detector: Detector, seed: int, *, contaminated: bool) -> dict[str, float]:
        """Train and judge; give AUROC, average precision and seconds."""
        from sklearn.metrics import average_precision_score, roc_auc_score

        train, judged = self.split(seed, contaminated=contaminated)
        start = time.perf_counter()
        scores = detector(self.x[train], self.x[judged], seed)
        seconds = time.perf_counter() - start
        truth = self.anomaly[judged]
        return {
            "auroc": float(roc_auc_score(truth, scores)),
            "ap": float(average_precision_score(truth, scores)),
            "seconds": round(seconds, 2),
        }


def tasks(source: Path, most: int, *, digits: bool) -> list[Task]:
    """Read all tables of a folder, or the ten digits of a file."""
    if digits:
        return [Task.of_digit(source, digit, most) for digit in range(10)]
    return [Task.of_table(path, most) for path in sorted(source.glob("*.npz"))]


def standardised(train: Array, judged: Array) -> tuple[Array, Array]:
    """Bring flat rows to mean 0 and variance 1 of the training rows, where they vary; images of bytes to 0..1."""
    flat = [rows.reshape(len(rows), -1).astype(np.float64) for rows in (train, judged)]
    if train.dtype == np.uint8 and train.ndim > 2:
        return flat[0] / 255, flat[1] / 255
    mean, deviation = flat[0].mean(0), flat[0].std(0)
    deviation[deviation <= 1e-9 * np.abs(mean)] = 1
    return (flat[0] - mean) / deviation, (flat[1] - mean) / deviation
