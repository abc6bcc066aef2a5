"""How well anomalies of real sensors are found: ours against PCA and a plain autoencoder, never point-adjusted.

``python benchmarks/series.py ../shared/data/sensor [--seeds 3] [--out FILE.json]``. The folder holds CSV files of
``timestamp`` and ``value``, and ``anomaly_windows.json`` with the times of the anomalies of each (NAB, realKnownCause).

Every series is cut into windows of 64 readings, one every 4, and every side judges the same windows; a reading has the
mean score of the windows around it. Nothing is chosen by series, and labels only measure. Two settings: *unlabelled*
fits on all windows, anomalies among them, and judges them; *prefix* fits on those before the first anomaly. Both
judge all readings.

*ours* is `hourglass.Autoencoder` scored by the `neighbours` of code and residual, *memory* the same with its default
score; both are told of *unlabelled* rows that they may be `contaminated`. *plain* is the same net with the mean squared
error, *pca* as many components as its code is wide, with the same error. An alarm is a reading above the 99 % quantile
of those fitted on.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from hourglass.evaluation.detection import auroc
from hourglass.evaluation.series import events, vus_pr
from hourglass.runtime.cuts import Cut
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.windows import point_scores

WINDOW, STRIDE, MAX_GAP, LATENT, QUANTILE = 64, 4, 12, 8, 0.99
LABELS = "anomaly_windows.json"
SETTINGS = ("unlabelled", "prefix")

Array = np.ndarray
#: Fitted on some windows, gives the score of any.
Scorer = Callable[[Array], Array]


@dataclass(frozen=True)
class Series:
    """A series cut into windows, and which of its points are anomalous."""

    name: str
    cut: Cut
    anomaly: Array

    @classmethod
    def read(cls, folder: Path, name: str, stretches: list[list[str]]) -> "Series":
        """Read a file and the stretches of its anomalies."""
        frame = pd.read_csv(folder / name)
        period = int(pd.to_datetime(frame["timestamp"]).diff().median().value)
        cut = SignalSchema("timestamp", ("value",), WINDOW, STRIDE, period, MAX_GAP).cut(frame)
        bounds = [[pd.Timestamp(time).value for time in stretch] for stretch in stretches]
        inside = [(cut.ns >= first) & (cut.ns <= last) for first, last in bounds]
        return cls(name, cut, np.any(inside, axis=0))

    def fitted(self, setting: str) -> Array:
        """Tell which windows a side is fitted on."""
        before = self.cut.starts + WINDOW <= int(np.argmax(self.anomaly))
        return before if setting == "prefix" else np.ones_like(before)

    def measure(self, scores: Array, setting: str) -> dict[str, float]:
        """Measure the scores of all windows."""
        of_point = point_scores(scores, self.cut.starts, WINDOW, len(self.cut.ns))
        judged = ~np.isnan(of_point)
        known = point_scores(np.where(self.fitted(setting), scores, np.nan), self.cut.starts, WINDOW, len(self.cut.ns))
        alarm = of_point > np.nanquantile(known, QUANTILE)
        rows = (self.anomaly[judged], self.cut.segment[judged])
        found = events(alarm[judged], *rows, 86_400e9 / self.cut.schema.period)
        return {
            "vus_pr": vus_pr(of_point[judged], *rows, WINDOW),
            "auroc": auroc(of_point[judged], rows[0])["auroc"],
            "event_recall": found["event_recall"],
            "false_alarms_per_day": found["false_alarms_per_day"],
        }


def sides(windows: Array, seed: int, *, contaminated: bool) -> Iterator[tuple[str, Scorer]]:
    """Fit all sides on windows of shape (windows, readings)."""
    import hourglass

    low, spread = windows.mean(axis=0), windows.std(axis=0) + 1e-12
    settings = {"latent": LATENT, "random_state": seed, "contaminated": contaminated, "device": "cpu"}
    for side, scoring in (("ours", "neighbours"), ("memory", "auto")):
        net = hourglass.Autoencoder("autoencoder", scoring=scoring, **settings).fit(windows)
        yield side, net.anomaly_score
    yield "plain", lambda rows: np.square((net.reconstruct(rows) - rows) / spread).mean(axis=1)
    _, _, axes = np.linalg.svd((windows - low) / spread, full_matrices=False)
    yield "pca", lambda rows: _off_plane((rows - low) / spread, axes[:LATENT])


def _off_plane(rows: Array, axes: Array) -> Array:
    return np.square(rows - rows @ axes.T @ axes).mean(axis=1)


def compare(folder: Path, seeds: int) -> dict[str, Any]:
    """Run all sides on all series."""
    labels = json.loads((folder / LABELS).read_text(encoding="utf-8"))
    found: dict[str, Any] = {setting: {} for setting in SETTINGS}
    for name, stretches in labels.items():
        series = Series.read(folder, name, stretches)
        windows = series.cut.windows[..., 0]
        for setting in SETTINGS:
            of: dict[str, list[dict[str, float]]] = {}
            for seed in range(seeds):
                fitted = sides(windows[series.fitted(setting)], seed, contaminated=setting == "unlabelled")
                for side, score in fitted:
                    of.setdefault(side, []).append(series.measure(score(windows), setting))
            found[setting][name] = of
            for side, measured in of.items():
                said = ", ".join(f"{key} {mean(one[key] for one in measured):.3f}" for key in measured[0])
                print(f"{setting:>10} {name.partition('.')[0]:<38} {side:>5}: {said}", flush=True)
    work = {"window": WINDOW, "stride": STRIDE, "latent": LATENT, "quantile": QUANTILE, "seeds": seeds}
    return {"work": work, "settings": found}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found = compare(asked.folder, asked.seeds)
    if asked.out:
        from training import about

        asked.out.write_text(json.dumps({"about": about()} | found, indent=2) + "\n")


if __name__ == "__main__":
    main()
