"""Tests of two sets of rows, against scipy on the rows themselves, and against counting."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hourglass.drift import comparing
from hourglass.drift.bins import Counts, edges_of
from hourglass.drift.waves import Sums, Waves

DRAWS = 200


def binned(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = edges_of(one)
    return Counts.of(one, edges).bins, Counts.of(two, edges).bins


def test_of_few_values_the_distance_and_p_are_those_of_the_rows_themselves() -> None:
    draw = np.random.default_rng(0)
    one, two = draw.integers(0, 40, 300), draw.integers(3, 43, 200)
    expected = stats.ks_2samp(one, two, method="asymp")
    found = comparing.distributions(*binned(one, np.minimum(two, 39.0)))
    assert found == pytest.approx((expected.statistic, expected.pvalue))


def test_in_bins_the_distance_is_hardly_smaller_than_among_the_rows() -> None:
    draw = np.random.default_rng(1)
    one, two = draw.normal(size=2000), draw.normal(0.2, 1.3, size=1500)
    distance, _ = comparing.distributions(*binned(one, two))
    expected = stats.ks_2samp(one, two).statistic
    assert expected - 1 / 64 <= distance <= expected


@pytest.mark.parametrize("rows", [1, 2, 3, 20])
def test_of_few_rows_p_is_exact(rows: int) -> None:
    draw = np.random.default_rng(rows)
    one, two = draw.integers(0, 40, 30), draw.integers(5, 45, rows)
    expected = stats.ks_2samp(one, two, method="exact")
    assert comparing.distributions(*binned(one, two)) == pytest.approx((expected.statistic, expected.pvalue))


def test_two_rows_beyond_a_reference_of_twenty_are_as_certain_as_counting_says() -> None:
    """Of the 231 ways to choose 2 of 22 rows, 2 lie wholly at an end."""
    one, two = np.array([20, 0]), np.array([0, 2])
    assert comparing.distributions(one, two) == pytest.approx((1, 2 / 231))


def test_equal_sets_are_at_no_distance() -> None:
    same = np.array([3, 4, 5])
    assert comparing.distributions(same, 2 * same) == (0.0, 1.0)
    assert comparing.categories(same, 2 * same) == (0.0, 1.0)


def test_categories_are_compared_by_chi_square() -> None:
    one, two = np.array([50, 30, 20]), np.array([20, 40, 40])
    distance, p = comparing.categories(one, two)
    assert distance == pytest.approx(0.3)
    # by hand: each category's (difference)^2 / sum, for sets of as many rows
    assert p == pytest.approx(stats.chi2.sf(900 / 70 + 100 / 70 + 400 / 60, df=2))


def test_rare_categories_are_taken_together() -> None:
    one, two = np.array([90, 2, 3, 3, 2, 0]), np.array([80, 5, 5, 5, 5, 0])
    expected = stats.chi2_contingency([[90, 10], [80, 20]], correction=False).pvalue
    assert comparing.categories(one, two)[1] == pytest.approx(expected)


def test_a_category_is_rare_below_five_rows_that_are_expected_in_the_smaller_set() -> None:
    one, two = np.array([30, 30, 40]), np.array([3, 9, 8])  # expected of the second: 5.5, 6.5 and 8
    expected = stats.chi2_contingency([one, two], correction=False).pvalue
    assert comparing.categories(one, two)[1] == pytest.approx(expected)


def test_a_rare_category_beside_another_is_compared_exactly() -> None:
    one, two = np.array([100, 0]), np.array([46, 4])
    assert comparing.categories(one, two)[1] == pytest.approx(stats.fisher_exact([[100, 0], [46, 4]]).pvalue)


def test_one_category_alone_says_nothing() -> None:
    assert comparing.categories(np.array([7, 0]), np.array([9, 0])) == (0.0, 1.0)


def test_happening_more_often_is_fishers_exact_test() -> None:
    expected = stats.fisher_exact([[9, 41], [3, 97]], alternative="greater").pvalue
    assert comparing.more_often((3, 100), (9, 50)) == pytest.approx(expected)
    assert comparing.more_often((3, 100), (0, 50)) == 1
    assert comparing.more_often((0, 0), (4, 50)) == 1


@given(st.integers(1, 60), st.data())
@settings(max_examples=25)
def test_alarms_of_a_batch_are_beta_binomial(calibration: int, data: st.DataObject) -> None:
    above, rows = data.draw(st.integers(0, calibration - 1)), data.draw(st.integers(1, 60))
    alarms = data.draw(st.integers(0, rows))
    expected = stats.betabinom.sf(alarms - 1, rows, above + 1, calibration - above)
    assert comparing.more_alarms(above, calibration, alarms, rows) == pytest.approx(expected, rel=1e-6)


def test_with_many_calibration_rows_the_test_of_alarms_is_the_binomial_one() -> None:
    expected = stats.binomtest(70, 1000, 0.05, alternative="greater").pvalue
    assert comparing.more_alarms(5_000_000 - 1, 100_000_000, 70, 1000) == pytest.approx(expected, rel=1e-3)


def test_codes_are_compared_by_hotellings_test() -> None:
    """Against the square of Student's t, which it is where one number is measured."""
    draw = np.random.default_rng(0)
    one, two = (np.rint(4096 * draw.uniform(-1, 1, rows)).astype(np.int64) for rows in (60, 50))
    sums = [Sums(len(x), x.sum(keepdims=True), np.array([[(x**2).sum()]])) for x in (one, two)]
    assert comparing.codes(*sums)[1] == pytest.approx(stats.ttest_ind(one, two).pvalue)


def test_codes_of_which_only_the_dependence_changed_are_told_apart() -> None:
    draw = np.random.default_rng(0)
    alone = draw.normal(size=(600, 2))
    together = draw.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 600)
    waves = Waves.through(alone)
    assert stats.ks_2samp(alone[:, 0], together[:, 0]).pvalue > 0.05
    assert stats.ks_2samp(alone[:, 1], together[:, 1]).pvalue > 0.05
    assert comparing.codes(waves(alone), waves(together))[1] < 1e-6


def test_codes_that_never_change_or_are_few_say_nothing() -> None:
    same = np.ones((100, 3))
    waves = Waves.through(same)
    assert comparing.codes(waves(same), waves(same)) == (0.0, 1.0)
    codes = np.random.default_rng(0).normal(size=(200, 3))
    some = Waves.through(codes)
    assert comparing.codes(some(codes), some(codes[:49] + 9))[1] == 1
    assert comparing.codes(some(codes), some(codes[:50] + 9))[1] < 1e-6


@pytest.mark.parametrize("rows", [1, 10, 60])
def test_small_batches_of_narrow_codes_are_no_more_often_told_apart_than_promised(rows: int) -> None:
    """Waves through two units nearly depend on each other: what is left of them is far from normal."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        one, two = (draw.standard_t(3, (count, 2)) for count in (1000, rows))
        waves = Waves.through(one)
        found.append(comparing.codes(waves(one), waves(two))[1])
    assert np.mean(np.array(found) <= 0.01) <= 0.03


def test_rows_that_overlap_count_by_what_they_have_apart() -> None:
    """Rows that are there ten times over say what they say once."""
    draw = np.random.default_rng(0)
    numbers = binned(draw.normal(size=200), draw.normal(0.3, size=90))
    codes = [draw.normal(at, size=(rows, 3)) for at, rows in ((0, 600), (0.2, 600))]
    waves = Waves.through(codes[0])
    once = [waves(rows) for rows in codes]
    tenfold = [Sums(10 * one.rows, 10 * one.sums, 10 * one.products) for one in once]
    for test, single, repeated in [
        (comparing.distributions, numbers, [10 * one for one in numbers]),
        (comparing.more_often, [(3, 100), (9, 50)], [(30, 1000), (90, 500)]),
        (comparing.more_alarms, [4, 99, 12, 80], [40, 990, 120, 800]),
        (comparing.codes, once, tenfold),
    ]:
        assert test(*repeated, 0.1) == pytest.approx(test(*single), rel=0.05)
        assert np.min(test(*repeated)) < np.min(test(*single))


def test_holm_rejects_step_by_step() -> None:
    np.testing.assert_allclose(comparing.holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(comparing.holm(np.array([0.5, 0.9])), [1, 1])


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_no_adjustment_and_bonferronis(p_values: list[float]) -> None:
    p = np.array(p_values)
    adjusted = comparing.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, p * len(p))).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("rows", [(150, 60), pytest.param((200, 800), marks=pytest.mark.long)])
def test_p_values_of_equal_distributions_are_no_smaller_than_they_say(rows: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    found: dict[str, list[float]] = {"distributions": [], "categories": [], "codes": [], "alarms": []}
    for _ in range(DRAWS):
        one, two = (draw.standard_normal((count, 3)) for count in rows)
        found["distributions"].append(comparing.distributions(*binned(one[:, 0], two[:, 0]))[1])
        kinds = [np.bincount(draw.choice(4, count, p=[0.6, 0.3, 0.07, 0.03]), minlength=4) for count in rows]
        found["categories"].append(comparing.categories(*kinds)[1])
        waves = Waves.through(one)
        found["codes"].append(comparing.codes(waves(one), waves(two))[1])
        threshold = np.sort(one[:, 1])[-8]
        found["alarms"].append(comparing.more_alarms(7, rows[0], int((two[:, 1] > threshold).sum()), rows[1]))
    for level in (0.05, 0.2):
        most = level + NormalDist().inv_cdf(0.9995) * (level * (1 - level) / DRAWS) ** 0.5
        assert {name for name, p in found.items() if np.mean(np.array(p) <= level) > most} == set()
