"""Sound files go in, and sound files of the same rate and length come out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from hourglass.data.params import DataParams
from hourglass.data.settings import AudioSettings
from hourglass.data.sources import audio as recordings
from hourglass.data.sources import joined
from hourglass.drift.watch import require
from hourglass.errors import HourglassError
from hourglass.runtime import InputError, Model
from hourglass.sound import si_sdr
from hourglass.use import audio, commands, shards
from hourglass.use.score import score
from tests.conftest import Packaged, packaged

RATE = 8000


def tone(seed: int, samples: int = 1600, rate: int = RATE) -> np.ndarray:
    """A tone that comes and goes."""
    draw = np.random.default_rng(seed)
    time = np.arange(samples) / rate
    return 0.3 * np.sin(2 * np.pi * draw.uniform(300, 900) * time) * np.sin(np.pi * draw.uniform(4, 8) * time) ** 2


def noisy(samples: np.ndarray) -> np.ndarray:
    return samples + samples.std() * np.random.default_rng(9).standard_normal(samples.shape)


@pytest.fixture(scope="module", params=["spectrogram", pytest.param("waveform", marks=pytest.mark.long)])
def model(request: Any, tmp_path_factory: Any) -> Model:
    return package_of_tones(request.param, tmp_path_factory.mktemp(request.param)).model


def package_of_tones(form: Any, folder: Path) -> Packaged:
    folder.mkdir(exist_ok=True)
    for seed in range(40):
        soundfile.write(folder / f"{seed}.wav", tone(seed), RATE)
    settings = AudioSettings(rate=RATE, form=form, frame=64, hop=32, context=4, stride=1, floor=-30.0)
    data = DataParams(audio=settings)
    (folder / "shard").mkdir()
    recordings.take(folder, folder / "shard", data)
    raw = joined(list(recordings.blocks(folder / "shard", "audio", data, 2**20)))
    noise: dict[str, Any] = {
        "rician": {"corruption": "rician", "level": 13, "amplitude": 0.1, "mask": True},
        "gaussian": {"corruption": "gaussian", "level": 1.0},
    }
    chosen = noise["rician" if form == "spectrogram" else "gaussian"]
    return packaged(raw, data, "denoising", {"latent": 8, "hidden": [64]} | chosen, folder / "model")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in [(100, "a.wav"), (101, "deep/b.wav")]:
        for kind, samples in [("clean", tone(seed)), ("noisy", noisy(tone(seed)))]:
            path = tmp_path / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, samples, RATE, "FLOAT")
    return tmp_path


def test_a_folder_is_cleaned_and_the_gain_told(model: Model, folder: Path) -> None:
    said = commands.denoise(model, str(folder / "noisy"), folder / "out", reference=str(folder / "clean"))
    before, after = [], []
    for name in ("a.wav", "deep/b.wav"):
        clean, given, found = (soundfile.read(folder / kind / name)[0] for kind in ("clean", "noisy", "out"))
        assert len(found) == len(given)
        before.append(si_sdr(clean, given))
        after.append(si_sdr(clean, found))
    gain = np.mean(after) - np.mean(before)
    assert gain > 3
    assert f"SI-SDR {np.mean(before):.1f} dB before, {np.mean(after):.1f} dB after: gain {gain:+.1f} dB" in said
    assert said.startswith(f"{folder / 'out'}: 2 recording(s) of 0.4 s")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_a_file_keeps_its_rate_length_channels_and_sample_format(
    model: Model, tmp_path: Path, subtype: str, rate: int
) -> None:
    both = np.stack([tone(7, 4001, rate), tone(8, 4001, rate)], axis=1)
    soundfile.write(tmp_path / "in.wav", both, rate, subtype)
    commands.reconstruct(model, str(tmp_path / "in.wav"), tmp_path / "new" / "out.wav")
    made = soundfile.info(tmp_path / "new" / "out.wav")
    assert (made.samplerate, made.frames, made.channels, made.subtype) == (rate, 4001, 2, subtype)
    found, _ = soundfile.read(tmp_path / "new" / "out.wav")
    for channel in range(2):
        assert np.corrcoef(found[:, channel], both[:, channel])[0, 1] > 0.6


def test_what_has_no_wav_format_is_written_with_16_bits(model: Model, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.ogg", tone(7), RATE)
    commands.reconstruct(model, str(tmp_path / "in.ogg"), tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_16"


def test_recordings_that_differ_by_their_suffix_alone_are_both_written(model: Model, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "a.flac", "b.flac"):
        soundfile.write(tmp_path / "in" / name, tone(7), RATE)
    commands.reconstruct(model, str(tmp_path / "in"), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.wav.wav", "a.flac.wav", "b.wav"}


def test_sound_louder_than_full_scale_is_clipped(tmp_path: Path) -> None:
    audio.write(tmp_path / "x.wav", np.array([[2.0, -2.0, 0.5]]), RATE, "PCM_16")
    np.testing.assert_allclose(soundfile.read(tmp_path / "x.wav")[0], [1, -1, 0.5], atol=1e-4)


def test_the_library_gives_a_waveform_for_a_waveform(model: Model, folder: Path) -> None:
    given, _ = soundfile.read(folder / "noisy" / "a.wav")
    commands.denoise(model, str(folder / "noisy" / "a.wav"), folder / "out.wav")
    np.testing.assert_allclose(soundfile.read(folder / "out.wav")[0], model.denoise(given), atol=1e-6)
    assert model.reconstruct(given).shape == given.shape


def test_codes_stand_beside_the_recording_and_the_time_of_their_piece(model: Model, folder: Path) -> None:
    commands.encode(model, str(folder / "clean"), folder / "codes.csv")
    codes = pd.read_csv(folder / "codes.csv")
    assert list(codes)[:3] == ["file", "start", "z_1"]
    pieces = model.schema.pieces(tone(101))  # type: ignore[attr-defined]
    found = codes[codes["file"] == "deep/b.wav"].filter(like="z_").to_numpy()
    np.testing.assert_allclose(found, model.encode(pieces), atol=1e-4)


def test_samples_and_what_lies_between_two_rows_can_be_heard(model: Model, folder: Path) -> None:
    span = model.schema.span  # type: ignore[attr-defined]
    commands.interpolate(model, str(folder / "clean"), folder / "way", steps=3)
    assert sorted(path.name for path in (folder / "way").iterdir()) == ["000000.wav", "000001.wav", "000002.wav"]
    assert soundfile.info(folder / "way" / "000001.wav").frames == span


@pytest.mark.parametrize(
    ("source", "out", "sentence"),
    [
        ("noisy", "out.wav", "can't hold what comes out; expected a folder"),
        ("noisy/a.wav", "out.flac", "can't hold what comes out; expected .wav"),
        ("nothing", "out", "doesn't exist; expected a sound file"),
        ("empty", "out", "holds no recordings"),
    ],
)
def test_what_cant_be_read_or_written_is_refused(
    model: Model, folder: Path, source: str, out: str, sentence: str
) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(HourglassError, match=sentence):
        commands.denoise(model, str(folder / source), folder / out)
    assert not (folder / out).exists()


def test_nothing_is_left_where_a_file_is_broken(model: Model, folder: Path) -> None:
    (folder / "noisy" / "c.wav").write_text("no sound")
    with pytest.raises(InputError, match=r"c.wav is no readable recording"):
        commands.denoise(model, str(folder / "noisy"), folder / "out")
    assert not (folder / "out").exists()


def test_a_reference_must_be_the_same_recording(model: Model, folder: Path) -> None:
    (folder / "clean" / "a.wav").unlink()
    with pytest.raises(HourglassError, match=r"holds no a.wav, the clean recording"):
        commands.denoise(model, str(folder / "noisy"), folder / "out", reference=str(folder / "clean"))
    soundfile.write(folder / "clean" / "a.wav", tone(100)[:-1], RATE)
    with pytest.raises(HourglassError, match=r"1 channels of 1,599 samples, and what was cleaned 1 of 1,600"):
        commands.denoise(model, str(folder / "noisy"), folder / "out", reference=str(folder / "clean"))
    assert not (folder / "out").exists()


def test_every_piece_of_a_recording_is_judged_with_the_file_and_the_time_that_it_is_from(
    model: Model, folder: Path, tmp_path: Path
) -> None:
    line = score(model, str(folder / "noisy"), tmp_path / "judged.csv")
    found = pd.read_csv(tmp_path / "judged.csv")
    assert line.startswith(f"{tmp_path / 'judged.csv'}: {len(found)} rows, ")
    assert set(found["file"]) == {"a.wav", "deep/b.wav"}
    assert (found.groupby("file")["start"].diff().dropna() >= 0).all()
    assert found["anomaly_score"].notna().all()


def test_recordings_are_judged_in_shards_as_in_one_file(model: Model, folder: Path) -> None:
    score(model, str(folder / "noisy"), folder / "one.parquet")
    layout = shards.Layout(rows=50)
    shards.score(model, str(folder / "noisy"), folder / "judged", uri="models:/tones/1", layout=layout)
    found = [pd.read_parquet(path) for path in sorted((folder / "judged").glob("part-*"))]
    assert {len(part) for part in found[:-1]} == {50}
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), pd.read_parquet(folder / "one.parquet"))


def test_a_waveform_has_the_profile_of_its_pieces(model: Model) -> None:
    waveform, watch = tone(7), require(model)
    pieces = model.schema.pieces(waveform)
    found = [watch.profile(rows, model.score(rows)) for rows in (waveform, pieces)]
    assert found[0].config() == found[1].config()
    assert found[0].seen == len(pieces)
