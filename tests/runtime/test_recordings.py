"""A sound file gives the samples that were written, whole or in parts, at any rate."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.runtime import recordings
from hourglass.runtime.errors import InputError
from hourglass.runtime.recordings import Recording
from hourglass.runtime.resampling import Resampler


def sound(channels: int, samples: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-(2**14), 2**14, (channels, samples)) / 2**15


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_what_is_written_is_read(tmp_path: Path, subtype: str) -> None:
    recordings.write(tmp_path / "x.wav", sound(2, 500), 8000, subtype)
    found = Recording.read(tmp_path / "x.wav")
    assert (found.rate, found.channels, found.samples, found.subtype) == (8000, 2, 500, subtype)
    np.testing.assert_array_equal(found.waveforms(), sound(2, 500))


@settings(max_examples=30)
@given(
    samples=st.integers(1, 3000),
    channels=st.integers(1, 3),
    at_once=st.integers(1, 4000),
    rate=st.sampled_from([8000, 11025, 16000]),
)
def test_parts_at_another_rate_are_the_whole_at_that_rate(
    samples: int, channels: int, at_once: int, rate: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("sound") / "x.wav"
    recordings.write(path, sound(channels, samples), 11025, "PCM_16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "_AT_ONCE", max(at_once, samples // 20))
        parts = list(Recording.read(path).blocks(rate))
    whole = Resampler(11025, rate)(sound(channels, samples).mean(axis=0))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)


def test_silence_is_told(tmp_path: Path) -> None:
    for name, samples in (("silent", np.zeros((1, 9))), ("loud", sound(1, 9))):
        recordings.write(tmp_path / f"{name}.wav", samples, 8000, "PCM_16")
    assert Recording.read(tmp_path / "silent.wav").is_silent()
    assert not Recording.read(tmp_path / "loud.wav").is_silent()


def test_a_streamed_file_that_doesnt_know_its_size_is_read(tmp_path: Path) -> None:
    recordings.write(tmp_path / "x.wav", sound(1, 500), 8000, "PCM_16")
    content = bytearray((tmp_path / "x.wav").read_bytes())
    content[4:8] = b"\xff\xff\xff\xff"
    assert Recording.of(bytes(content), "x.wav").samples == 500


def test_a_file_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x.wav can't be read \(No such file or directory\)"):
        Recording.read(tmp_path / "x.wav")


def test_samples_of_ogg_come_back_about_as_they_were(tmp_path: Path) -> None:
    tone = np.sin(np.arange(8000) * 0.3) / 2
    soundfile.write(tmp_path / "x.ogg", tone, 8000)
    np.testing.assert_allclose(Recording.read(tmp_path / "x.ogg").waveforms()[0], tone, atol=0.05)
