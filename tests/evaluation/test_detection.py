"""Detection metrics agree with scikit-learn and scipy; their intervals cover what they promise to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm
from sklearn.metrics import average_precision_score, roc_auc_score

from hourglass.evaluation.detection import auroc, average_precision, curves, rate_above

Split = tuple[np.ndarray, np.ndarray]


@st.composite
def labelled_scores(draw: st.DrawFn) -> Split:
    """Scores with many ties, and at least two rows of each class."""
    anomaly = np.array(draw(st.permutations([True, True, False, False, *draw(st.lists(st.booleans(), max_size=30))])))
    scores = draw(st.lists(st.integers(0, 8), min_size=len(anomaly), max_size=len(anomaly)))
    return np.array(scores, float), anomaly


@pytest.fixture
def overlapping() -> Split:
    draw = np.random.default_rng(0)
    return np.concatenate([draw.normal(1.5, 1, 60), draw.normal(size=140)]), np.arange(200) < 60


@given(labelled_scores())
def test_auroc_is_that_of_scikit_learn_with_ties(split: Split) -> None:
    scores, anomaly = split
    assert auroc(scores, anomaly)["auroc"] == pytest.approx(roc_auc_score(anomaly, scores), abs=1e-12)


@given(labelled_scores())
def test_average_precision_is_that_of_scikit_learn_with_ties(split: Split) -> None:
    scores, anomaly = split
    found = average_precision(scores, anomaly, resamples=1, seed=0)["average_precision"]
    assert found == pytest.approx(average_precision_score(anomaly, scores), abs=1e-12)


@given(labelled_scores())
def test_intervals_contain_the_area(split: Split) -> None:
    found = auroc(*split)
    assert 0 <= found["auroc_low"] <= found["auroc"] <= found["auroc_high"] <= 1


def test_the_interval_is_delongs(overlapping: Split) -> None:
    """By the definition of DeLong, DeLong & Clarke-Pearson 1988: a kernel over all pairs."""
    scores, anomaly = overlapping
    positive, negative = scores[anomaly], scores[~anomaly]
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    area = kernel.mean()
    variance = kernel.mean(1).var(ddof=1) / len(positive) + kernel.mean(0).var(ddof=1) / len(negative)
    logit, half = np.log(area / (1 - area)), norm.ppf(0.975) * variance**0.5 / (area * (1 - area))
    expected = [1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))]
    found = auroc(scores, anomaly)
    assert [found["auroc_low"], found["auroc_high"]] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("area", "anomalies", "normals"), [(0.8, 40, 80), (0.98, 10, 20), (0.9, 2, 50)])
def test_the_interval_covers_the_true_area(area: float, anomalies: int, normals: int) -> None:
    draw = np.random.default_rng(0)
    shift = norm.ppf(area) * 2**0.5
    anomaly = np.arange(anomalies + normals) < anomalies
    found = [auroc(draw.normal(np.where(anomaly, shift, 0)), anomaly) for _ in range(500)]
    assert np.mean([interval["auroc_low"] <= area <= interval["auroc_high"] for interval in found]) > 0.92


def test_a_perfect_separation_of_few_rows_is_not_certain() -> None:
    found = auroc(np.arange(10.0), np.arange(10) >= 7)
    assert found["auroc"] == found["auroc_high"] == 1
    assert found["auroc_low"] == pytest.approx(0.025 ** (1 / 3))


def test_a_single_anomaly_tells_next_to_nothing() -> None:
    found = auroc(np.arange(101.0), np.arange(101) == 80)
    assert found["auroc_high"] - found["auroc_low"] > 0.9


def test_the_bootstrap_interval_of_average_precision_contains_it(overlapping: Split) -> None:
    found = average_precision(*overlapping, resamples=500, seed=0)
    assert found["average_precision_low"] < found["average_precision"] < found["average_precision_high"]
    draw = np.random.default_rng(1)
    anew = []
    for _ in range(300):
        scores = np.concatenate([draw.normal(1.5, 1, 60), draw.normal(size=140)])
        anew.append(average_precision_score(overlapping[1], scores))
    width = found["average_precision_high"] - found["average_precision_low"]
    assert width == pytest.approx(2 * norm.ppf(0.975) * np.std(anew), rel=0.3)


def test_the_bootstrap_follows_from_its_seed(overlapping: Split) -> None:
    first, again, other = (average_precision(*overlapping, resamples=100, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("above", [0, 3, 40])
def test_a_rate_has_the_interval_of_clopper_and_pearson(above: int) -> None:
    found = rate_above(np.arange(40.0), 39.5 - above, "rate")
    low = beta.ppf(0.025, above, 40 - above + 1) if above else 0
    high = beta.ppf(0.975, above + 1, 40 - above) if above < 40 else 1
    assert list(found) == ["rate", "rate_low", "rate_high"]
    assert list(found.values()) == pytest.approx([above / 40, low, high])


def test_a_score_at_the_threshold_is_no_alarm() -> None:
    assert rate_above(np.array([1.0, 2.0]), 1.0, "rate")["rate"] == 0.5


def test_curves_are_thinned_but_keep_their_area_and_ends(overlapping: Split) -> None:
    draw = np.random.default_rng(0)
    anomaly = np.arange(5000) < 1000
    scores = draw.normal(np.where(anomaly, 1.0, 0.0))
    found = curves(scores, anomaly)
    false_alarms, true_alarms = np.array(found["roc"]).T
    assert len(false_alarms) <= 200
    assert found["roc"][0] == [0, 0]
    assert found["roc"][-1] == [1, 1]
    assert np.trapezoid(true_alarms, false_alarms) == pytest.approx(roc_auc_score(anomaly, scores), abs=0.005)
    recall, precision = np.array(found["pr"]).T
    assert (np.diff(recall) >= 0).all()
    assert np.trapezoid(precision, recall) == pytest.approx(average_precision_score(anomaly, scores), abs=0.01)
