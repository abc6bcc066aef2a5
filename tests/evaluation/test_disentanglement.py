"""Disentanglement of codes that are the factors, a mixture of them, or noise."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from hourglass.evaluation.disentanglement import disentanglement, factor_vae, mig, sap

SIZES = (3, 4, 5, 6)


@pytest.fixture(scope="module")
def factors():
    """Give every combination of the factors four times."""
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in SIZES), indexing="ij"), -1).reshape(-1, len(SIZES))
    return np.tile(grid, (4, 1))


def test_a_unit_for_each_factor_is_perfect_whatever_its_scale_sign_and_place(factors):
    z = factors[:, [2, 0, 3, 1]] * np.array([1.0, -5.0, 0.3, 100.0])
    assert disentanglement(z, factors, categories=(0,), seed=0) == pytest.approx(
        {"mig": 1, "sap": 1 - (1 / 3) / 4, "factor_vae": 1}
    ), "a still unit tells one of three categories by chance, which SAP does not take off"


def test_noise_is_chance(factors):
    z = np.random.default_rng(0).normal(size=(len(factors), 6))
    found = disentanglement(z, factors, categories=(0,), seed=0)
    assert found["mig"] == pytest.approx(0, abs=0.02)
    assert found["sap"] == pytest.approx(0, abs=0.02)
    assert found["factor_vae"] == pytest.approx(1 / len(SIZES), abs=0.08)


def test_a_factor_that_two_units_tell_has_no_gap(factors):
    z = factors[:, [0, 0, 1, 1, 2, 2, 3, 3]].astype(float)
    assert mig(z, factors) == pytest.approx(0)
    assert sap(z, factors) == pytest.approx(0)
    assert factor_vae(z, factors, seed=0) == 1, "which asks only that no unit tells two factors"


def test_units_that_tell_two_factors_fail_the_votes(factors):
    z = np.stack([factors[:, 0] + 10.0 * factors[:, 1], factors[:, 2] + 10.0 * factors[:, 3]], 1)
    # a unit goes to its larger factor; a held smaller one leaves nearly all: that vote goes anywhere and is lost
    assert factor_vae(z, factors, seed=0) == pytest.approx(1 / 2, abs=0.05)


def test_the_gap_is_what_the_best_unit_knows_more_by_the_entropy():
    # two bits: the first unit tells both, the second one of them
    factors = np.arange(4).repeat(100)[:, None]
    z = np.stack([factors[:, 0], factors[:, 0] // 2], 1).astype(float)
    assert mig(z, factors) == pytest.approx(1 / 2)


def test_sap_of_ordered_factors_is_the_gap_of_squared_correlations():
    draw = np.random.default_rng(0)
    factor = draw.integers(0, 10, 5000)
    z = np.stack([factor + draw.normal(0, 1, 5000), factor + draw.normal(0, 5, 5000)], 1)
    variance = (10**2 - 1) / 12
    expected = variance / (variance + 1) - variance / (variance + 25)
    assert sap(z, factor[:, None]) == pytest.approx(expected, abs=0.02)


def test_still_units_take_no_part_and_a_collapsed_code_is_chance(factors):
    z = np.concatenate([factors, np.zeros((len(factors), 3))], 1)
    assert factor_vae(z, factors, seed=0) == 1
    assert factor_vae(np.zeros((len(factors), 3)), factors, seed=0) == 1 / len(SIZES)
    assert mig(np.zeros((len(factors), 3)), factors) == 0


def test_votes_are_those_of_the_seed(factors):
    z = np.random.default_rng(0).normal(size=(len(factors), 6)) + factors[:, :1]
    assert factor_vae(z, factors, seed=1) == factor_vae(z, factors, seed=1)


def test_a_gap_is_that_of_the_information_of_twenty_bins(factors):
    draw = np.random.default_rng(0)
    z = factors[:, [0, 1, 1, 3]] + draw.normal(size=(len(factors), 4)) * [0.3, 1.0, 0.5, 2.0]
    edges = [np.histogram_bin_edges(unit, 20)[1:-1] for unit in z.T]
    known = np.array(
        [
            sorted(mutual_info_score(np.digitize(unit, cut), factor) for unit, cut in zip(z.T, edges, strict=True))
            for factor in factors.T
        ]
    )
    assert mig(z, factors) == pytest.approx(((known[:, -1] - known[:, -2]) / np.log(SIZES)).mean())


def test_units_of_any_scale_have_the_same_vote(factors):
    z = factors + np.random.default_rng(0).normal(size=factors.shape)
    votes = factor_vae(z, factors, seed=0)
    assert votes < 1, "noise loses some"
    assert factor_vae(z * [1e-1, 1.0, 10.0, 1e2], factors, seed=0) == votes
