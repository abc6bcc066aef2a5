"""The promise on a real table, by a real model: its columns are skewed, rounded and depend on each other."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.drift.reference import Gathering, Sketch
from hourglass.drift.verdict import findings
from hourglass.drift.watch import Watch, require
from hourglass.drift.watched import Watched
from hourglass.runtime.conformal import threshold
from tests.conftest import packaged
from tests.projects import ROOT

TABLE = ROOT.parent / "shared" / "data" / "tabular" / "pendigits.npz"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not TABLE.exists(), reason="needs the table in ../shared/data/tabular"),
]

BATCHES, ALPHA = 100, 0.05


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Watch, pd.DataFrame]:
    """A model, and normal rows that it wasn't made with."""
    table = np.load(TABLE, allow_pickle=False)
    rows = table["X"][table["y"].ravel() == 0].astype(float)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    frame = pd.DataFrame(rows, columns=[f"column {place + 1}" for place in range(rows.shape[1])])
    raw = Raw("table", frame[:3000], frame[:3000])
    made = packaged(
        raw, DataParams(), "autoencoder", {"latent": 4, "hidden": [32]}, tmp_path_factory.mktemp("real") / "a"
    )
    return require(made.model), frame[3000:].reset_index(drop=True)


def drifted(watch: Watch, reference: pd.DataFrame, batch: pd.DataFrame) -> list[str]:
    """Hold a batch against a reference of rows that the model calls normal as it does those of its calibration."""
    gathered, scores = Gathering(watch.model), np.sort(watch.model.anomaly_score(reference))
    gathered.take(reference, np.ones(len(reference), bool), 0)
    watch.reference, watch.scores = gathered.reference(), Sketch.of(Watched("anomaly_score"), scores)
    watch.model.threshold = threshold(scores, 0.05)
    above = int((scores > watch.model.threshold).sum())
    profile = watch.profile(batch, watch.model.score(batch))
    found = findings(watch.reference, watch.scores, above, profile)
    return [one.name for one in found if one.adjusted <= ALPHA]


def test_clean_batches_are_called_drift_no_more_often_than_stated(trained: tuple[Watch, pd.DataFrame]) -> None:
    watch, rows = trained
    draw, alarms = np.random.default_rng(0), 0
    for _ in range(BATCHES):
        chosen = draw.permutation(len(rows))
        alarms += bool(drifted(watch, rows.iloc[chosen[:300]], rows.iloc[chosen[300:500]]))
    assert alarms <= stats.binom.ppf(0.995, BATCHES, ALPHA)


def test_half_a_deviation_in_one_column_is_found_there(trained: tuple[Watch, pd.DataFrame]) -> None:
    watch, rows = trained
    chosen = np.random.default_rng(1).permutation(len(rows))
    batch = rows.iloc[chosen[300:500]].copy()
    batch["column 3"] += rows["column 3"].std() / 2
    assert drifted(watch, rows.iloc[chosen[:300]], batch)[0] == "column 3"
