"""The recipe for speech does what it says, as written, on the recordings that it is about."""

import re

import numpy as np
import pytest
import soundfile

from tests.recipes import SHARED, beside_shared, follow

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (SHARED / "data/audio").is_dir(), reason="needs the recordings in ../shared/data/audio"),
]


def test_speech_is_cleaned_by_more_than_spectral_gating_gains(clone, tmp_path):
    checkout = beside_shared(clone, tmp_path)
    said = follow("speech-enhancement.md", checkout)
    assert "is the first champion" in said
    gains = {name: float(gain) for name, gain in re.findall(r"^(model|gating.*): ([+-][\d.]+) dB$", said, re.MULTILINE)}
    assert gains["model"] > 8
    assert gains["model"] > gains["gating, told the noise"] > gains["gating"]
    told = float(re.search(r"gain ([+-][\d.]+) dB", said)[1])
    assert told == pytest.approx(gains["model"], abs=0.11)
    for name in ("3_george_0.wav", "7_jackson_0.wav"):
        noisy, clean = (soundfile.info(checkout.root / "speech" / kind / name) for kind in ("noisy", "clean"))
        assert (clean.samplerate, clean.frames, clean.subtype) == (noisy.samplerate, noisy.frames, noisy.subtype)
        assert np.isfinite(soundfile.read(checkout.root / "speech/clean" / name)[0]).all()
