"""Quantiles of numbers that passed by are those that numpy gives of all of them at once."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data.sketches import Quantiles

LEVELS = np.linspace(0, 1, 21)


@given(st.integers(1, 64), st.integers(0, 10**6))
def test_quantiles_of_few_rows_are_exact(rows: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, 2))
    quantiles = Quantiles(2, size=64)
    quantiles.update(x)
    np.testing.assert_allclose(quantiles(LEVELS), np.quantile(x, LEVELS, axis=0), rtol=1e-12, atol=1e-12)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_how_rows_are_cut_into_blocks_makes_no_difference(sizes: list[int]) -> None:
    x = np.random.default_rng(0).normal(size=(sum(sizes), 1))
    at_once, in_blocks = Quantiles(1, size=64), Quantiles(1, size=64)
    at_once.update(x)
    for block in np.split(x, np.cumsum(sizes)[:-1]):
        in_blocks.update(block)
    np.testing.assert_array_equal(at_once(LEVELS), in_blocks(LEVELS))


def rank_error(rows: int, size: int) -> float:
    """Bound the share of rows by which a quantile's rank may be off."""
    runs = rows / (8 * size)
    return 0.0 if runs <= 1 else (1 + ceil(np.log2(runs))) / (2 * size)


@pytest.mark.parametrize("distribution", ["sorted", "normal", "heavy"])
@pytest.mark.parametrize("parts", [1, 7])
def test_ranks_are_within_their_bound(distribution: str, parts: int) -> None:
    draw = np.random.default_rng(0)
    rows = 200_000
    x = {"sorted": np.arange(rows), "normal": draw.normal(size=rows), "heavy": draw.standard_cauchy(rows)}[distribution]
    sketch = Quantiles(1, size=512)
    for part in np.array_split(x.astype(float), parts):
        other = Quantiles(1, size=512)
        other.update(part[:, None])
        sketch.merge(other)
    ranks = np.searchsorted(np.sort(x), sketch(LEVELS)[:, 0]) / rows
    assert np.abs(ranks - LEVELS).max() <= rank_error(rows, 512) + 1 / 512


def test_a_sketch_of_many_rows_has_the_promised_rank_error() -> None:
    assert rank_error(64_000_000, Quantiles.SIZE) <= 1e-3


def test_a_sketch_survives_a_file() -> None:
    x = np.random.default_rng(0).normal(size=(1000, 2))
    sketch = Quantiles(2, size=64)
    sketch.update(x)
    np.testing.assert_array_equal(Quantiles.from_arrays(sketch.arrays())(LEVELS), sketch(LEVELS))
