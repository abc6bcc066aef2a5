"""Closeness is worked out by hand on a line and by the formula for rows of one distribution."""

from math import prod

import numpy as np
import pytest

from hourglass.evaluation.generation import NEIGHBOURS, alarms, closeness, compare, over_sets

#: The fifth neighbour of 0 is 5 away, of 1 and 4 it is 4 and 4 away, of 2 and 3 it is 3, of 5 it is 5.
LINE = np.arange(6.0)[:, None]


def test_closeness_of_samples_at_one_end_of_a_line_is_as_worked_out_by_hand() -> None:
    found = closeness(LINE, np.full((6, 1), -1.0))
    # -1 lies in the balls of 0 (1 <= 5), 1 (2 <= 4), 2 (3 <= 3); not of 3 (4 > 3), 4 (5 > 4), 5 (6 > 5)
    assert found["coverage"] == pytest.approx(3 / 6)
    assert found["density"] == pytest.approx(6 * 3 / (5 * 6))
    assert found["precision"] == 1.0
    assert found["recall"] == 0.0, "six equal samples have balls of no size"


def test_closeness_of_samples_far_away_is_nothing() -> None:
    assert set(closeness(LINE, LINE + 100).values()) == {0.0}


def test_samples_that_are_the_rows_cover_all_of_them() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2, 3))
    found = closeness(rows, rows)
    assert (found["coverage"], found["precision"], found["recall"]) == (1.0, 1.0, 1.0)
    # each ball holds its own row and five neighbours
    assert found["density"] == pytest.approx(6 / 5)


def test_rows_of_one_distribution_have_density_one_and_the_coverage_of_the_formula() -> None:
    draw, n = np.random.default_rng(0), 400
    found = [closeness(*draw.normal(size=(2, n, 4))) for _ in range(10)]
    expected = 1 - prod((n - 1 - i) / (2 * n - 1 - i) for i in range(NEIGHBOURS))
    assert expected == pytest.approx(1 - 2**-NEIGHBOURS, abs=1e-3)
    assert np.mean([one["coverage"] for one in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([one["density"] for one in found]) == pytest.approx(1, abs=0.02)


def test_rows_that_recur_have_balls_that_reach_to_other_rows() -> None:
    draw = np.random.default_rng(0)
    rows, train, drawn = draw.integers(0, 3, (3, 400, 3)).astype(float)
    found = compare(rows, [drawn + 0.01 * draw.normal(size=drawn.shape)], train)
    assert found["samples"]["coverage"] == found["train"]["coverage"] == 1
    assert alarms(found) == []


def clusters(rows: int, modes: int, seed: int) -> np.ndarray:
    """Draw rows around as many of ten far-apart places."""
    draw = np.random.default_rng(seed)
    return 20.0 * np.eye(10)[draw.integers(0, modes, rows)] + draw.normal(size=(rows, 10))


@pytest.mark.parametrize(("modes", "alarm"), [(10, False), (7, False), (3, True), (1, True)])
def test_samples_from_too_few_modes_raise_an_alarm(modes: int, alarm: bool) -> None:
    found = compare(clusters(300, 10, 0), [clusters(300, modes, 1)], clusters(300, 10, 2))
    assert found["samples"]["coverage"] == pytest.approx(found["train"]["coverage"] * modes / 10, abs=0.06)
    assert found["samples"]["precision"] > 0.9, "what is drawn looks real, all the same"
    told = alarms(found)
    assert len(told) == alarm
    assert all("mode collapse: samples cover" in one and "free_bits" in one for one in told)


def test_too_few_rows_are_not_measured() -> None:
    assert compare(LINE[:5], [LINE[:5]], LINE[:5]) == {}
    assert alarms({}) == []


@pytest.mark.parametrize(("covered", "alarm"), [(0.26, False), (0.24, True)])
def test_half_of_what_training_rows_cover_is_enough(covered: float, alarm: bool) -> None:
    assert len(alarms({"samples": {"coverage": covered}, "train": {"coverage": 0.5}})) == alarm


def test_sets_of_samples_have_a_mean_and_a_spread() -> None:
    found = compare(LINE, [LINE, LINE + 100, LINE + 100], LINE)
    assert found["train"] == closeness(LINE, LINE)
    assert found["samples"]["coverage"] == pytest.approx(1 / 3)
    assert found["samples"]["coverage_sd"] == pytest.approx(3**-0.5)
    assert over_sets([{"frechet": 2.0}]) == {"frechet": 2.0, "frechet_sd": 0.0}
