"""What share of rows has nothing in common."""

from dataclasses import replace
from typing import Any

import pytest

from hourglass.drift.overlap import apart
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.signal import SignalSchema

SERIES = SignalSchema(time="when", columns=("level",), window=16, stride=4, period=10**9)
SPEECH = AudioSchema(rate=8000, form="logmel", frame=256, hop=64, context=8, mels=16)


def test_windows_are_apart_by_their_stride_and_pieces_by_a_hop(table_autoencoder: Any) -> None:
    assert apart(SERIES) == 1 / 4
    assert apart(replace(SERIES, stride=20)) == 1
    assert apart(SPEECH) == pytest.approx(64 / (256 + 7 * 64))
    assert apart(table_autoencoder.model.schema) == 1
