"""What share of rows has nothing in common."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hourglass.drift.overlap import apart, unlike
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.signal import SignalSchema

SERIES = SignalSchema(time="when", columns=("level",), window=16, stride=4, period=10**9)
SPEECH = AudioSchema(rate=8000, form="logmel", frame=256, hop=64, context=8, mels=16)


def test_windows_are_apart_by_their_stride_and_pieces_by_a_hop(table_autoencoder: Any) -> None:
    assert apart(SERIES) == 1 / 4
    assert apart(replace(SERIES, stride=20)) == 1
    assert apart(SPEECH) == pytest.approx(64 / (256 + 7 * 64))
    assert apart(table_autoencoder.model.schema) == 1


def test_rows_of_a_recording_that_all_say_the_same_count_as_one() -> None:
    stretches = np.repeat(np.arange(5), 8)
    assert unlike(np.isin(stretches, [1, 3]), stretches) == pytest.approx(1 / 8)
    sizes = np.array([2, 4, 12])
    stretches = np.repeat([7, 3, 9], sizes)
    assert unlike(stretches == 3, stretches) == pytest.approx(sizes.sum() / (sizes @ sizes))


def test_likeness_is_the_published_design_effect() -> None:
    # mean squares 0.15 between and 0.2 / 3 within: rho = (0.15 - 0.2 / 3) / (0.15 + 4 * 0.2 / 3) = 0.2
    found = np.zeros((4, 5), bool)
    found[0, :2] = found[1, :2] = True
    between, within = 5 * 4 * 0.2**2 / 3, 2 * 1.2 / 16
    rho = (between - within) / (between + 4 * within)
    assert unlike(found.ravel(), np.repeat(np.arange(4), 5)) == pytest.approx(1 / (1 + 4 * rho))


@pytest.mark.parametrize("found", [np.zeros(6, bool), np.ones(6, bool), np.arange(6) % 2 == 0])
@pytest.mark.parametrize("stretches", [np.zeros(6, int), np.arange(6), np.repeat([0, 1, 2], 2)])
def test_rows_that_are_no_more_alike_than_others_count_each(found: Any, stretches: Any) -> None:
    assert unlike(found, stretches) == 1
