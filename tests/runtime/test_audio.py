"""A recording comes back from its rows in every form, and is cleaned where a model knows what is clean in it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime.audio import AudioSchema, Filter, filter_for
from hourglass.runtime.errors import InputError
from hourglass.runtime.schema import schema_from_config

FORMS = ["waveform", "spectrogram", "logmel"]


def schema(form: Any, **settings: Any) -> AudioSchema:
    usual: dict[str, Any] = {"frame": 64, "hop": 16, "mels": 12, "context": 1 if form == "waveform" else 4}
    return AudioSchema(rate=8000, form=form, **usual | settings)


def sound(samples: int = 2000) -> np.ndarray:
    """Some tones that come and go."""
    time = np.arange(samples) / 8000
    return 0.2 * np.sin(2 * np.pi * 500 * time) * np.sin(2 * np.pi * 7 * time) ** 2


@pytest.mark.parametrize("form", FORMS)
def test_a_row_has_the_shape_that_the_schema_says(form: str) -> None:
    rows = schema(form)
    x, valid = rows.encode(sound())
    assert valid.all()
    assert x.dtype == np.float32
    assert x.shape[1:] == rows.shape
    assert rows.decode(x).shape[1:] == rows.raw_shape


@pytest.mark.parametrize("form", ["waveform", "spectrogram"])
@given(samples=st.integers(1, 500), frame=st.integers(4, 40), context=st.integers(1, 5), data=st.data())
def test_a_waveform_comes_back_from_its_rows(form: str, samples: int, frame: int, context: int, data: Any) -> None:
    rows = schema(form, frame=frame, hop=data.draw(st.integers(1, frame)), context=1 if form == "waveform" else context)
    waveform = np.random.default_rng(0).uniform(-1, 1, samples)
    x, _ = rows.encode(waveform)
    np.testing.assert_allclose(rows.rebuilt([rows.decode(x.astype(np.float64))], waveform), waveform, atol=1e-4)


def test_a_waveform_comes_back_from_mel_bands_up_to_what_they_blur() -> None:
    rows = schema("logmel", frame=256, hop=64, mels=40)
    rebuilt = rows.rebuilt([rows.decode(rows.encode(sound())[0].astype(np.float64))], sound())
    assert np.corrcoef(rebuilt, sound())[0, 1] > 0.95


@pytest.mark.parametrize("form", FORMS)
def test_pieces_of_a_waveform_and_rows_are_taken_too(form: str) -> None:
    rows = schema(form)
    x, _ = rows.encode(sound())
    np.testing.assert_array_equal(rows.encode(rows.pieces(sound()))[0], x)
    np.testing.assert_array_equal(rows.encode(rows.decode(x))[0], x)
    np.testing.assert_array_equal(rows.encode({"x": rows.pieces(sound())})[0], x)
    np.testing.assert_array_equal(rows.encode(pd.DataFrame(rows.pieces(sound())))[0], x)
    boxed = np.empty(len(x), object)
    boxed[:] = list(rows.decode(x))
    np.testing.assert_array_equal(rows.encode(boxed)[0], x)


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_in_blocks_of_any_size(form: str) -> None:
    rows = schema(form)
    made = rows.decode(rows.encode(sound())[0].astype(np.float64))
    blocks = [made[:1], made[1:50], made[50:]]
    for way in (rows.rebuilt, rows.cleaned):
        np.testing.assert_allclose(way(blocks, sound()), way([made], sound()), atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_that_isnt_finite_is_not_valid_and_spoils_no_other(form: str) -> None:
    rows = schema(form)
    pieces = rows.pieces(sound()).copy()
    pieces[3, 5] = np.nan
    x, valid = rows.encode(pieces)
    assert list(np.flatnonzero(~valid)) == [3]
    assert not x[3].any()
    np.testing.assert_array_equal(x[4], rows.encode(sound())[0][4])


@pytest.mark.parametrize("form", FORMS)
def test_no_sound_is_no_rows(form: str) -> None:
    for rows in (np.zeros(0), [], np.zeros((0, *schema(form).raw_shape))):
        x, valid = schema(form).encode(rows)
        assert (x.shape, valid.shape) == ((0, *schema(form).shape), (0,))


@pytest.mark.parametrize("rows", [np.zeros((3, 7)), np.array(["a"] * 64)[None, :7], np.float64(1)])
def test_what_are_no_rows_is_refused(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"rows (have shape|are of type)"):
        schema("spectrogram").encode(rows)


@pytest.mark.parametrize("form", FORMS)
def test_a_schema_survives_its_json(form: str) -> None:
    assert schema_from_config(schema(form).config()) == schema(form)


def test_a_spectrogram_is_the_power_in_decades_above_the_floor() -> None:
    rows = schema("spectrogram", floor=-20.0)
    tone = np.sin(2 * np.pi * 1000 * np.arange(2000) / 8000)
    x, _ = rows.encode(rows.pieces(tone)[50:51])
    # under the root of a Hann window w, a tone of amplitude 1 has the power sum(sqrt(w))^2 / sum(w) / 4
    root = np.abs(np.sin(np.pi * (np.arange(64) + 0.5) / 64))
    np.testing.assert_allclose(x[0, 8], np.log10(1 + root.sum() ** 2 / (root**2).sum() / 4 / 0.01), rtol=1e-3)


@pytest.mark.parametrize("by", ["wiener", "mild"])
@pytest.mark.parametrize("form", ["spectrogram", "logmel"])
def test_noise_is_taken_away_where_the_rows_say_what_is_clean(form: str, by: Filter) -> None:
    rows = schema(form, frame=256, hop=64, mels=40)
    noisy = sound() + 0.05 * np.random.default_rng(0).standard_normal(2000)
    clean = rows.decode(rows.encode(sound())[0].astype(np.float64))
    left = rows.cleaned([clean], noisy, by) - sound()
    assert left.std() < 0.5 * 0.05


@pytest.mark.parametrize("by", ["wiener", "mild"])
def test_nothing_is_taken_away_where_all_is_clean(by: Filter) -> None:
    rows = schema("spectrogram")
    clean = rows.decode(rows.encode(sound())[0].astype(np.float64))
    np.testing.assert_allclose(rows.cleaned([clean], sound(), by), sound(), atol=1e-5)


def test_a_mask_is_a_filter_itself() -> None:
    rows = schema("spectrogram")
    half = rows.decode(rows.encode(0.5 * sound())[0].astype(np.float64))
    np.testing.assert_allclose(rows.cleaned([half], sound(), "none"), 0.5 * sound(), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "by"),
    [
        ({"corruption": "rician"}, "wiener"),
        ({"corruption": "rician", "amplitude": 0.0}, "wiener"),
        ({"corruption": "rician", "amplitude": 0.1}, "mild"),
        ({"corruption": "babble", "amplitude": 0.1}, "mild"),
        ({"corruption": "rician", "amplitude": 0.1, "mask": True}, "wiener"),
        ({"corruption": "babble", "amplitude": 0.1, "mask": True}, "none"),
    ],
)
def test_a_filter_suits_what_the_model_says(settings: dict[str, Any], by: Filter) -> None:
    assert filter_for(settings) == by


@pytest.mark.parametrize("form", FORMS)
def test_rows_can_be_heard_by_themselves(form: str) -> None:
    rows = schema(form, context=1 if form == "waveform" else 16)
    made = rows.decode(rows.encode(sound())[0].astype(np.float64))[40:42]
    waveforms = rows.heard(made)
    assert waveforms.shape == (2, rows.span)
    np.testing.assert_array_equal(rows.heard(made), waveforms)
    middle = slice(rows.frame, -rows.frame) if rows.context > 1 else slice(None)
    power = np.square(rows.pieces(sound())[40:42, middle]).mean(1)
    np.testing.assert_allclose(np.square(waveforms[:, middle]).mean(1), power, rtol=0.3)


def test_nothing_becomes_louder_than_it_was() -> None:
    rows = schema("spectrogram")
    loud = rows.decode(rows.encode(100 * sound())[0].astype(np.float64))
    np.testing.assert_allclose(rows.cleaned([loud], sound(), "mild"), sound(), atol=1e-5)


def test_silence_stays_silence() -> None:
    rows = schema("spectrogram")
    silent = rows.decode(rows.encode(np.zeros(500))[0].astype(np.float64))
    assert not rows.cleaned([silent], np.zeros(500)).any()
    assert not rows.rebuilt([silent], np.zeros(500)).any()
    assert not rows.heard(silent[:1]).any()


def test_more_mel_bands_than_a_frame_can_tell_apart_are_refused() -> None:
    with pytest.raises(InputError, match=r"data.audio.mels is 100, and band 1 of 100 lies between two bins"):
        schema("logmel", mels=100)
