"""Recordings come back at one rate, whatever the limit; what can't be read is refused in one sentence."""

import io
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data import making, shards, snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.data.params import SPLITS, DataParams, SplitParams
from hourglass.data.settings import AudioSettings
from hourglass.data.sources import Raw, audio, joined
from hourglass.errors import HourglassError
from hourglass.runtime.resampling import Resampler
from hourglass.runtime.spectra import cut

RATE = 8000


def sound(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**14), 2**14, samples) / 2**15


def params(**settings: Any) -> DataParams:
    usual: dict[str, Any] = {"rate": RATE, "form": "waveform", "frame": 64, "hop": 16}
    return DataParams(audio=AudioSettings(**usual | settings))


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "raw" / "one" / "b.wav", sound(500, 1))
    write(tmp_path / "raw" / "one" / "a.wav", sound(30, 2))
    write(tmp_path / "raw" / "two" / "c.flac", sound(900, 3))
    return tmp_path / "raw"


def taken(path: Path, data: DataParams, limit: int = 2**20) -> list[Raw]:
    shard = path.parent / "shard"
    shard.mkdir(exist_ok=True)
    assert audio.take(path, shard, data) == "audio"
    return list(audio.blocks(shard, "audio", data, limit))


def refusal(path: Path, data: DataParams) -> str:
    shard = path.parent / "shard"
    shard.mkdir()
    with pytest.raises(HourglassError) as refused:
        audio.take(path, shard, data)
    assert not list(shard.iterdir())
    return str(refused.value)


def test_pieces_are_those_of_each_recording_in_the_order_of_paths(folder: Path) -> None:
    raw = joined(taken(folder, params()))
    assert list(raw.side["file"].unique()) == ["one/a.wav", "one/b.wav", "two/c.flac"]
    expected = [cut(sound(samples, seed), 64, 16) for samples, seed in ((30, 2), (500, 1), (900, 3))]
    np.testing.assert_array_equal(raw.rows, np.concatenate(expected).astype(np.float32))
    assert list(raw.side["class"].unique()) == ["one", "two"]


def test_a_piece_is_told_where_it_starts(folder: Path) -> None:
    raw = joined(taken(folder / "two" / "c.flac", params()))
    assert list(raw.side) == ["file", "start"]
    np.testing.assert_allclose(raw.side["start"][:6], np.array([0, 0, 0, 0, 16, 32]) / RATE)
    at = raw.side["start"].searchsorted(320 / RATE)
    np.testing.assert_allclose(raw.rows[at], sound(900, 3)[320:384])


@pytest.mark.parametrize("limit", [1, 5_000, 50_000])
def test_blocks_are_the_same_rows_whatever_the_limit(folder: Path, limit: int) -> None:
    whole = joined(taken(folder, params()))
    blocks = list(audio.blocks(folder.parent / "shard", "audio", params(), limit))
    assert all(block.rows.nbytes <= limit or len(block.rows) == 1 for block in blocks)
    parts = joined(blocks)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    assert parts.side.equals(whole.side)


@given(sizes=st.lists(st.integers(0, 100), max_size=6), size=st.integers(1, 40), data=st.data())
def test_a_waveform_in_parts_is_cut_as_a_whole(sizes: list[int], size: int, data: Any) -> None:
    hop = data.draw(st.integers(1, size))
    parts = [sound(length, seed) for seed, length in enumerate(sizes)]
    whole = np.concatenate([np.empty(0), *parts]).astype(np.float32)
    found = list(audio.pieces(parts, size, hop))
    expected = cut(whole, size, hop) if len(whole) else np.empty((0, size))
    rows = np.concatenate([np.empty((0, size)), *found])
    np.testing.assert_array_equal(rows[: len(expected)], expected)
    assert not rows[len(expected) :].any()


def test_what_a_table_of_labels_says_of_a_recording_stands_beside_its_pieces(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,broken\none/a.wav,0\none/b.wav,1\ntwo/c.flac,0\n")
    side = joined(taken(folder, params())).side
    assert set(side["file"][side["broken"] == 1]) == {"one/b.wav"}


def test_taking_keeps_the_bytes_of_the_files_and_gives_the_same_archive_again(folder: Path) -> None:
    taken(folder, params())
    tar = folder.parent / "shard" / "recordings-00000.tar"
    before = tar.read_bytes()
    with tarfile.open(tar) as archive:
        member = archive.extractfile("two/c.flac")
        assert member is not None
        assert member.read() == (folder / "two" / "c.flac").read_bytes()
    taken(folder, params())
    assert tar.read_bytes() == before


def test_other_rates_are_resampled_and_channels_averaged_and_that_is_told(folder: Path) -> None:
    both = np.stack([sound(2000, 4), sound(2000, 5)], axis=1)
    write(folder / "two" / "d.wav", both, rate=16000)
    write(folder / "two" / "e.wav", np.zeros(100))
    settings, said = audio.settle(folder, DataParams())
    assert settings.rate == RATE
    assert said == [
        "rate: 8,000 Hz, that of one/a.wav",
        "1 recording(s) at 16,000 Hz resampled",
        "1 recording(s) with several channels, whose mean is taken",
        "1 recording(s) silent throughout",
    ]
    raw = joined(taken(folder, params()))
    rows = raw.rows[(raw.side["file"] == "two/d.wav").to_numpy()]
    expected = Resampler(16000, 8000)(both.mean(axis=1))
    np.testing.assert_allclose(rows, cut(expected, 64, 16), atol=1e-6)


def test_a_rate_that_is_set_stays(folder: Path) -> None:
    settings, said = audio.settle(folder, params(rate=4000))
    assert settings.rate == 4000
    assert said == ["3 recording(s) at 8,000 Hz resampled"]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_samples_of_any_width_have_the_same_scale(tmp_path: Path, subtype: str) -> None:
    path = write(tmp_path / "x.wav", sound(500), subtype=subtype)
    expected = cut(sound(500), 64, 16)
    np.testing.assert_allclose(
        joined(taken(path, params())).rows, expected, atol=2**-7 if subtype == "PCM_U8" else 1e-6
    )


def test_a_long_recording_is_decoded_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.wav", sound(5000), rate=11025)
    whole = joined(taken(path, params()))
    monkeypatch.setattr("hourglass.runtime.recordings._AT_ONCE", 333)
    np.testing.assert_array_equal(joined(taken(path, params())).rows, whole.rows)


def test_rows_follow_from_the_settings() -> None:
    schema = audio.schema_of(DataParams(audio=AudioSettings(rate=16000)))
    assert (schema.form, schema.frame, schema.hop, schema.context) == ("spectrogram", 512, 128, 8)
    assert audio.schema_of(params(context=9)).context == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rate": None}, "data.audio.rate is missing; set it, or run `hourglass data SOURCE` again"),
        ({"hop": 65}, "data.audio.hop is 65 and data.audio.frame 64; samples between two frames would be lost"),
        ({"form": "logmel", "mels": 400}, "data.audio.mels is 400, and band 1 of 400 lies between two bins"),
        ({"stride": 2}, "data.audio.stride is 2, and a row has 1 frames"),
    ],
)
def test_settings_that_dont_fit_together_are_refused(folder: Path, settings: dict[str, Any], sentence: str) -> None:
    taken(folder, params())
    with pytest.raises(HourglassError, match=sentence.replace("(", r"\(")):
        list(audio.blocks(folder.parent / "shard", "audio", params(**settings), 2**20))


def wav(samples: np.ndarray, subtype: str = "PCM_16") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, subtype, format="WAV")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no readable recording"),
        (b"no sound at all", "is no readable recording (Format not recognised.); mend or remove it."),
        (wav(np.zeros(0)), "holds no samples; remove it."),
        (wav(sound(500))[:700], "is cut off; fetch it again or remove it."),
        (wav(np.array([0, 0.5, np.nan, 0.1]), "FLOAT"), "holds a sample that isn't finite, at 0.000 s; mend or remove"),
        (wav(np.array([0, np.inf]), "DOUBLE"), "holds a sample that isn't finite"),
    ],
    # libsndfile writes the time into files of floats, so names made of their bytes would differ between processes
    ids=["empty", "text", "no samples", "cut off", "not a number", "infinite"],
)
def test_a_bad_file_is_named(folder: Path, content: bytes, sentence: str) -> None:
    path = folder / "one" / "z.wav"
    path.write_bytes(content)
    found = refusal(folder, params())
    assert found.startswith(f"{path} ")
    assert sentence in found


@pytest.mark.parametrize(("suffix", "left"), [("flac", 0.5), ("ogg", 0.5), ("ogg", 0.99)])
def test_a_compressed_file_that_is_cut_off_is_named(tmp_path: Path, suffix: str, left: float) -> None:
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, sound(20_000), RATE)
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    assert str(path) in refusal(path, params())


def test_a_file_that_memory_has_no_room_for_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", np.zeros(3 * 2**20))
    sentence = refusal(path, params().model_copy(update={"memory": 2**24}))
    assert f"{path} has 6,291,500 bytes; expected at most 4,194,304, a quarter of data.memory" in sentence


def test_an_archive_that_leads_out_of_its_folder_is_refused(folder: Path) -> None:
    taken(folder, params())
    with tarfile.open(folder.parent / "shard" / "recordings-00001.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../outside.wav"))
    with pytest.raises(HourglassError, match=r"'../outside.wav', which is no file inside the folder"):
        list(audio.blocks(folder.parent / "shard", "audio", params(), 2**20))


def test_a_folder_without_recordings_is_not_for_this_reader(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    assert not audio.accepts(tmp_path, DataParams())


def test_the_missing_package_is_named_with_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert refusal(folder, params()) == "sound files need the package soundfile; run `pip install 'hourglass[audio]'`."


def test_a_folder_of_recordings_becomes_a_data_set_and_takes_more(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path / "raw" / f"{number}.wav", sound(300, number))
    data = params(form="spectrogram", context=4)
    splitting = SplitParams(by="group", column="file")
    making.build(str(tmp_path / "raw"), tmp_path / "data", data, splitting)
    (tmp_path / "dataset").mkdir()
    ingest(snapshot.opened(tmp_path / "data", data), tmp_path / "dataset", data, splitting)
    dataset = Dataset(tmp_path / "dataset")
    assert dataset.normaliser.config() == {"offset": 0.0, "scale": 1.0}
    side = snapshot.read(tmp_path / "data", data).side
    files = {name: set(side["file"].iloc[dataset.rows(name).index]) for name in SPLITS}
    assert sum(map(len, files.values())) == len(set.union(*files.values())) == 40
    np.testing.assert_array_equal(dataset.schema.encode(dataset.raw("test"))[0], dataset.rows("test").x)
    write(tmp_path / "more" / "new.wav", sound(900, 99), rate=16000)
    added = shards.add(tmp_path / "more", tmp_path / "data", data, datetime(2026, 1, 2, tzinfo=UTC))
    assert "new.wav" in set(snapshot.read(tmp_path / "data", data).side["file"]), added
