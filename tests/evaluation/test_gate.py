"""The paired comparison behind a promotion."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hourglass.evaluation.gate import Evidence, paired_gain

ANOMALY = np.repeat([False, True], [150, 50])


def evidence(separation: float, seed: int = 0, error: float = 1.0) -> Evidence:
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=len(ANOMALY)) + separation * ANOMALY
    return Evidence(scores, error * draw.uniform(0.5, 1.5, len(ANOMALY)), np.full(len(ANOMALY), 2.0))


def gain(metric, champion, challenger, confidence=0.95):
    return paired_gain(metric, champion, challenger, ANOMALY, confidence=confidence, resamples=300, seed=0)


def test_metrics_are_those_of_the_models():
    champion, challenger = evidence(1.0), evidence(2.0, seed=1)
    found = gain("auroc", champion, challenger)
    assert found.champion == pytest.approx(roc_auc_score(ANOMALY, champion.scores))
    assert found.challenger == pytest.approx(roc_auc_score(ANOMALY, challenger.scores))
    assert found.gain == pytest.approx(found.challenger - found.champion)


def test_model_gains_nothing_on_itself():
    found = gain("auroc", evidence(1.0), evidence(1.0))
    assert (found.gain, found.low) == (0, 0)


def test_clearly_better_challenger_gains_with_confidence():
    assert gain("auroc", evidence(0.2), evidence(2.5, seed=1)).low > 0


def test_equally_good_challenger_has_a_lower_bound_below_zero():
    assert gain("auroc", evidence(1.0), evidence(1.0, seed=1)).low < 0


def test_smaller_relative_error_is_a_gain():
    found = gain("relative_error", evidence(1.0, error=1.0), evidence(1.0, seed=1, error=0.5))
    assert found.champion == pytest.approx(0.5, abs=0.03)
    assert 0.2 < found.low < found.gain < 0.3


def test_anomalies_do_not_count_in_the_relative_error():
    challenger = evidence(1.0)
    spoilt = Evidence(challenger.scores, np.where(ANOMALY, 1e9, challenger.errors), challenger.baseline)
    assert gain("relative_error", evidence(1.0), spoilt).gain == 0


def test_rows_that_one_model_cannot_judge_count_for_neither():
    champion, challenger = evidence(1.0), evidence(1.5, seed=1)
    blind = np.arange(len(ANOMALY)) % 7 == 0
    half = Evidence(np.where(blind, np.nan, champion.scores), champion.errors, champion.baseline)
    found = gain("auroc", half, challenger)
    assert found.challenger == pytest.approx(roc_auc_score(ANOMALY[~blind], challenger.scores[~blind]))


def test_more_confidence_lowers_the_bound():
    champion, challenger = evidence(1.0), evidence(1.3, seed=1)
    assert gain("auroc", champion, challenger, 0.99).low < gain("auroc", champion, challenger, 0.8).low


def test_pairing_sees_a_small_gain_that_unpaired_intervals_would_not():
    champion = evidence(1.0)
    nudged = Evidence(champion.scores + 0.25 * ANOMALY, champion.errors, champion.baseline)
    assert 0 < gain("auroc", champion, nudged).low < 0.08
