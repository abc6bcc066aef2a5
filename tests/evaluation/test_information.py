"""What codes say of their rows, against closed forms."""

import numpy as np
import pytest

from hourglass.evaluation.information import information


def test_of_codes_that_together_are_the_prior_the_whole_kl_is_information() -> None:
    # posteriors N(m, v) with m of N(0, 1 - v): all together N(0, 1), and each unit says half the logarithm of 1 / v
    variance, rows, units = 0.3, 4000, 3
    z = np.random.default_rng(0).normal(0, np.sqrt(1 - variance), (rows, units))
    found = information(z, np.full((rows, units), np.log(variance)), seed=0)
    assert found["mutual_information"] == pytest.approx(units / 2 * np.log(1 / variance), abs=0.05)
    assert found["marginal_kl"] == pytest.approx(0, abs=0.05)


def test_of_a_shift_the_whole_kl_is_that_of_the_marginal() -> None:
    found = information(np.ones((50, 2)), np.zeros((50, 2)), seed=0)
    assert found == pytest.approx({"mutual_information": 0, "marginal_kl": 1.0, "information_rows": 50})


def test_information_is_at_most_the_logarithm_of_the_rows() -> None:
    z = 100 * np.random.default_rng(0).normal(size=(30, 2))
    found = information(z, np.full((30, 2), -5.0), seed=0)
    assert found["mutual_information"] == pytest.approx(np.log(found["information_rows"]))


def test_few_rows_show_less_information_than_there_is_and_more_distance_from_the_prior() -> None:
    variance, units = 0.1, 8  # 9.2 nats, and all together the prior
    z = np.random.default_rng(0).normal(0, np.sqrt(1 - variance), (2000, units))
    few, many = (information(z[:rows], np.full((rows, units), np.log(variance)), seed=0) for rows in (50, 2000))
    assert few["mutual_information"] < many["mutual_information"] < units / 2 * np.log(1 / variance)
    assert few["marginal_kl"] > many["marginal_kl"] > 0
