"""Waves through codes, against cosines and sines computed as such."""

import numpy as np
import pytest

from hourglass.drift.waves import AMPLITUDE, Sums, Waves


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (500, 5)).astype(np.float32)


def test_the_means_are_those_of_cosines_and_sines(codes: np.ndarray) -> None:
    waves = Waves.through(codes)
    turned = (codes - waves.middle) / waves.scale @ (waves.weights * 256 / (4096 * 1024) * 2 * np.pi)
    expected = np.concatenate([np.cos(turned), np.sin(turned)], axis=1)
    found = waves(codes)
    np.testing.assert_allclose(found.mean, expected.mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(found.scatter / len(codes), np.cov(expected.T, bias=True), atol=2e-3)


def test_waves_are_as_long_as_the_median_distance_of_codes(codes: np.ndarray) -> None:
    waves = Waves.through(codes)
    per_deviation = waves.weights * 256 / (4096 * 1024) * 2 * np.pi
    assert np.square(per_deviation).sum(axis=0).mean() == pytest.approx(1, rel=0.5)


def test_sums_of_parts_add_up_to_the_last_bit(codes: np.ndarray) -> None:
    waves = Waves.through(codes)
    parts = waves(codes[:7]) + waves(codes[7:123]) + waves(codes[123:])
    assert parts.config() == waves(codes).config() == Sums.from_config(parts.config()).config()


def test_a_unit_that_never_changes_is_no_trouble(codes: np.ndarray) -> None:
    codes[:, 2] = 0
    assert np.isfinite(Waves.through(codes)(codes).mean).all()
    assert abs(Waves.through(codes)(codes).sums).max() <= AMPLITUDE * len(codes)


def test_few_rows_get_few_waves(codes: np.ndarray) -> None:
    assert [Waves.through(codes[:rows]).weights.shape[1] for rows in (500, 50, 19)] == [8, 2, 0]
    assert Waves.through(codes[:19])(codes).rows == 500
