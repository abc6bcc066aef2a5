"""How often the gate errs, counted over 200 seeded draws of scores whose true quality is known.

``pytest tests/evaluation/test_gate_errors.py -s`` prints the counts. Scores are those of the binormal model: normal
rows from N(0, 1), anomalies from N(m, 1), with what two models have in common given by the correlation of their scores.
"""

import numpy as np
import pytest
from scipy.stats import norm

from hourglass.evaluation.gate import Evidence, paired_gain

pytestmark = pytest.mark.services

DRAWS, RESAMPLES, ALPHA, MARGIN = 200, 200, 0.05, 0.01
#: 18 of 200 is 2.6 standard deviations above the 10 that alpha allows.
AT_MOST, AT_LEAST = 18, 165


class Auroc:
    """Models of known AUROC on the same rows."""

    metric, sign = "auroc", 1

    def __init__(self, anomalies: int, quality: float, correlation: float) -> None:
        self.anomaly = np.repeat([False, True], [150, anomalies])
        self.quality, self.correlation = quality, correlation

    def __str__(self) -> str:
        return f"AUROC {self.quality}, {self.anomaly.sum()} anomalies, correlation {self.correlation}"

    def draw(self, seed: int, *gains: float) -> list[Evidence]:
        draw, rows = np.random.default_rng(seed), len(self.anomaly)
        shared, own = draw.normal(size=rows), draw.normal(size=(len(gains), rows))
        scores = np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * own
        distances = np.sqrt(2) * norm.ppf(self.quality + np.array(gains))
        blank = np.ones(rows)
        return [Evidence(score + m * self.anomaly, blank, blank) for score, m in zip(scores, distances, strict=True)]


class RelativeError:
    """Models of known squared error relative to PCA's, with tails as errors have them: lognormal."""

    metric, sign = "relative_error", -1

    def __init__(self, rows: int, correlation: float, spread: float) -> None:
        self.anomaly = np.zeros(rows, bool)
        self.correlation, self.spread = correlation, spread

    def __str__(self) -> str:
        return f"relative error, {len(self.anomaly)} rows, correlation {self.correlation}"

    def draw(self, seed: int, *gains: float) -> list[Evidence]:
        draw, rows = np.random.default_rng(seed), len(self.anomaly)
        hard, shared = draw.normal(size=(2, rows))
        own = draw.normal(size=(len(gains), rows))
        baseline = np.exp(self.spread * hard)
        noise = self.spread * (np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * own)
        true = 0.5 * np.exp(self.spread**2 / 2)
        errors = 0.5 * baseline * np.exp(noise)
        return [
            Evidence(np.zeros(rows), error * (1 - gain / true), baseline)
            for error, gain in zip(errors, gains, strict=True)
        ]


def passes(models, gains, least, confidence=1 - ALPHA):
    """Count how often the best of the challengers passes."""
    found = 0
    for seed in range(DRAWS):
        champion, *challengers = models.draw(seed, 0.0, *gains)
        settings = {"confidence": confidence, "resamples": RESAMPLES, "seed": seed}
        best = max(challengers, key=lambda one: models.sign * value(models, one))
        found += paired_gain(models.metric, champion, best, models.anomaly, **settings).low > least
    print(f"{models}, {len(gains)} worse by {-gains[0]:g}, margin {-least:g}, at {confidence:.2f}: {found} of {DRAWS}")  # noqa: T201
    return found


def value(models, evidence):
    single = {"confidence": 0.5, "resamples": 1, "seed": 0}
    return paired_gain(models.metric, evidence, evidence, models.anomaly, **single).champion


USUAL = [
    Auroc(20, 0.9, 0.5),
    Auroc(20, 0.95, 0.9),
    Auroc(50, 0.95, 0.9),
    Auroc(150, 0.95, 0.5),
    Auroc(150, 0.99, 0.9),
    RelativeError(60, 0.9, 0.5),
    RelativeError(150, 0.9, 0.5),
]
#: Selections on which the test has a power of 90 %, by the standard error that the two models' difference has.
POWERFUL = [Auroc(150, 0.99, 0.9), RelativeError(150, 0.995, 0.5)]


@pytest.mark.parametrize("models", USUAL, ids=str)
def test_challenger_worse_by_the_margin_seldom_passes_as_no_worse(models):
    assert passes(models, [-MARGIN], -MARGIN) <= AT_MOST


@pytest.mark.parametrize("models", USUAL, ids=str)
def test_equal_challenger_seldom_passes_as_better(models):
    assert passes(models, [0.0], 0.0) <= AT_MOST


@pytest.mark.parametrize("models", POWERFUL, ids=str)
def test_equal_challenger_mostly_passes_as_no_worse_where_the_power_is_90_percent(models):
    assert passes(models, [0.0], -MARGIN) >= AT_LEAST


@pytest.mark.parametrize("models", [Auroc(50, 0.9, 0.5), RelativeError(150, 0.9, 0.5)], ids=str)
def test_best_of_five_equal_challengers_seldom_passes_as_better(models):
    uncorrected = passes(models, [0.0] * 5, 0.0)
    assert passes(models, [0.0] * 5, 0.0, confidence=1 - ALPHA / 5) <= min(AT_MOST, uncorrected)
