"""Sound under noise: joined from rows, gated, cleaned by a model."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hourglass.evaluation.portrait.heard import beside_gating, joined, voices
from hourglass.runtime.audio import AudioSchema
from hourglass.sound import si_sdr


def schema(form: Any) -> AudioSchema:
    return AudioSchema(8000, form, frame=128, hop=32, context=1 if form == "waveform" else 6, mels=12)


def tones(seed: int = 0) -> np.ndarray:
    """Tones that come and go."""
    time = np.arange(8000) / 8000
    pitch = np.random.default_rng(seed).uniform(300, 900)
    return 0.3 * np.sin(2 * np.pi * pitch * time) * np.sin(2 * np.pi * 3 * time) ** 2


@pytest.mark.parametrize("stride", [1, 3])
def test_overlapping_pieces_of_a_waveform_are_joined_to_it(stride):
    of = schema("waveform")
    waveform = np.random.default_rng(0).normal(size=1000)
    found = joined(of, of.pieces(waveform, stride))
    np.testing.assert_array_equal(found[of.span - stride * of.hop :][:900], waveform[:900])


def test_spectra_of_two_recordings_are_joined_one_after_the_other():
    of = schema("spectrogram")
    rows = np.concatenate([of.decode(of.encode(of.pieces(tones(seed), 3))[0]) for seed in (0, 1)])
    found = joined(of, rows)
    again = of.decode(of.encode(found)[0])
    frames = np.concatenate([of.encode(of.pieces(tones(seed)))[0][:, :, 0] for seed in (0, 1)])
    assert len(again) == pytest.approx(len(frames), abs=20)
    assert again.max() == pytest.approx(frames.max(), abs=0.1)


def rivals(denoise: Any, corruption: str = "gaussian") -> list[dict[str, Any]]:
    of = schema("waveform")
    rows = [of.decode(of.encode(of.pieces(tones(seed), 1))[0]) for seed in (0, 1)]
    config = {"settings": {"corruption": corruption}}
    return beside_gating(SimpleNamespace(schema=of, config=config, denoise=denoise), *rows, seed=0)  # type: ignore[arg-type]


def test_a_model_that_does_nothing_is_as_good_as_the_noisy_sound_and_the_gate_is_better():
    noisy, gate, model = rivals(lambda waveform: waveform)
    assert [noisy["name"], gate["name"], model["name"]] == ["noisy", "spectral gating", "model"]
    assert noisy["si_sdr"] == pytest.approx(0, abs=0.5)
    assert model == {**noisy, "name": "model"}
    assert gate["si_sdr"] > 1
    assert gate["strength"] is not None


def test_babble_is_made_of_other_sound_and_as_strong():
    clean = joined(schema("waveform"), schema("waveform").pieces(tones(1)))
    given = []
    noisy, *_ = rivals(lambda waveform: given.append(waveform) or waveform, "babble")
    assert np.std(given[0] - clean) == pytest.approx(clean.std())
    assert abs(noisy["si_sdr"]) < 3
    draw = np.random.default_rng(0)
    assert set(voices(np.ones(7), 20, draw)) == {4.0}


def test_a_model_that_knows_the_sound_is_told_to():
    of = schema("waveform")
    clean = joined(of, of.pieces(tones(1)))
    _, gate, model = rivals(lambda waveform: clean + 0.1 * (waveform - clean))
    assert model["si_sdr"] == pytest.approx(20, abs=0.5)
    assert model["stoi"] > gate["stoi"]
    assert si_sdr(clean, clean) > 100


def test_of_silence_nothing_is_told():
    of = schema("waveform")
    silent = np.zeros((3, of.span))
    assert beside_gating(SimpleNamespace(schema=of), silent, silent, seed=0) == []  # type: ignore[arg-type]
