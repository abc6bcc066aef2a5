"""Codes are described as the formulas say."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from hourglass.evaluation.latent import effective_dimension, posterior


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4000, 5))


def test_the_prior_itself_has_no_divergence() -> None:
    found = posterior(np.zeros((10, 3)), np.zeros((10, 3)))
    assert found == {"kl": 0, "kl_per_unit": [0, 0, 0], "active_units": 0}


@given(st.floats(-3, 3), st.floats(-5, 5))
def test_the_divergence_is_that_of_torch(mu: float, logvar: float) -> None:
    own = Normal(torch.tensor(mu, dtype=torch.float64), torch.tensor(logvar, dtype=torch.float64).mul(0.5).exp())
    expected = kl_divergence(own, Normal(torch.tensor(0.0), torch.tensor(1.0))).item()
    found = posterior(np.full((4, 2), mu), np.full((4, 2), logvar))
    assert found["kl_per_unit"] == pytest.approx([expected] * 2, abs=1e-9)
    assert found["kl"] == pytest.approx(2 * expected, abs=1e-9)


def test_a_unit_is_active_if_its_mean_varies(codes: np.ndarray) -> None:
    spread = np.array([1, 0.2, 0.09, 0.01, 0])
    assert posterior(codes * spread, np.zeros_like(codes))["active_units"] == 2


def test_codes_in_all_directions_use_all_dimensions(codes: np.ndarray) -> None:
    assert effective_dimension(codes) == pytest.approx(5, rel=0.01)


def test_codes_along_a_line_use_one_dimension(codes: np.ndarray) -> None:
    assert effective_dimension(codes[:, :1] * [1, -2, 3]) == pytest.approx(1)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=5))
def test_the_dimension_is_the_participation_ratio(spread: list[float]) -> None:
    corners = np.concatenate([np.diag(spread), -np.diag(spread)])
    squares = np.square(spread)
    assert effective_dimension(corners) == pytest.approx(squares.sum() ** 2 / (squares**2).sum())


def test_codes_that_are_all_the_same_use_none() -> None:
    assert effective_dimension(np.ones((10, 3))) == 0
