"""Image files come back as they were written; what can't be kept is refused in one sentence, before it is decoded."""

import io
import struct
import sys
import zlib
from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from hourglass.runtime.errors import InputError
from hourglass.runtime.images import Form, decode, described, encode_png, resized, with_channels

SIDE = st.integers(1, 9)
SHAPES = st.one_of(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE, st.integers(2, 4)))
PICTURES = SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape)) | st.tuples(SIDE, SIDE).flatmap(
    lambda shape: arrays.arrays(np.uint16, shape)
)


def written(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, depth: int, colour: int, lines: bytes) -> bytes:
    """Write a PNG file by hand, as no library here writes one of such a depth or size."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@given(PICTURES)
def test_pixels_come_back_from_a_png_file_as_they_were(pixels: np.ndarray) -> None:
    found = decode(encode_png(pixels), "a.png")
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize(
    ("kind", "shape", "dtype"),
    [
        *product(["TIFF"], [(4, 5), (4, 5, 3), (4, 5, 4)], ["uint8"]),
        ("TIFF", (4, 5), "uint16"),
        *product(["BMP"], [(4, 5), (4, 5, 3)], ["uint8"]),
        *product(["WEBP"], [(4, 5, 3), (4, 5, 4)], ["uint8"]),
    ],
)
def test_every_lossless_format_keeps_every_bit(kind: str, shape: tuple[int, ...], dtype: str) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = decode(written(pixels, kind, **options), "a")
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


def test_a_tiff_of_big_endian_numbers_is_read() -> None:
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5) * 3000
    stream = io.BytesIO()
    Image.frombytes("I;16B", (5, 4), pixels.astype(">u2").tobytes()).save(stream, "TIFF")
    found = decode(stream.getvalue(), "a.tif")
    assert found.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(found, pixels)


def test_a_jpeg_file_comes_back_nearly_as_it_was() -> None:
    pixels = np.broadcast_to(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], (32, 32, 3))
    found = decode(written(np.array(pixels), "JPEG", quality=95), "a.jpg")
    assert np.abs(found.astype(int) - pixels).mean() < 2


@pytest.mark.parametrize(("orientation", "turned"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_stands_as_its_exif_says(kind: str, orientation: int, turned: int) -> None:
    pixels = np.kron(np.array([[0, 80, 160], [240, 40, 120]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(written(np.stack([pixels] * 3, axis=2), kind, exif=exif.tobytes()), "a")
    expected = np.rot90(pixels, turned)
    assert found.shape[:2] == expected.shape
    assert np.abs(found[8::16, 8::16, 0].astype(int) - expected[8::16, 8::16]).max() < 12


def test_a_palette_becomes_its_colours() -> None:
    picture = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)).convert("P", palette=Image.Palette.WEB)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    np.testing.assert_array_equal(decode(stream.getvalue(), "a.png"), [[[255, 0, 0], [0, 0, 255]]])
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=picture.getpixel((0, 0)))
    np.testing.assert_array_equal(decode(stream.getvalue(), "a.png")[..., 3], [[0, 255]])


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits_are_refused_rather_than_cut_to_8(colour: int, channels: int) -> None:
    content = png(5, 4, 16, colour, 4 * bytes(1 + 2 * 5 * channels))
    with pytest.raises(InputError, match=r"a.png has several channels of 16 bits, of which only 8 could be read"):
        decode(content, "a.png")


def test_numbers_of_32_bits_are_refused() -> None:
    with pytest.raises(InputError, match=r"a.tif has pixels of type F; expected 1 to 4 channels of 8 bits"):
        decode(written(np.zeros((4, 5), np.float32), "TIFF"), "a.tif")


@pytest.mark.parametrize("side", [50_000, 8001])
def test_a_huge_picture_is_refused_by_its_header(side: int) -> None:
    """The file ends behind it: had a pixel been decoded, the sentence would be another."""
    with pytest.raises(InputError, match=r"a.png is (too large|8,001 x 8,001).* expected at most 64,000,000"):
        decode(png(side, side, 8, 2, b""), "a.png")


def test_several_pictures_in_a_file_are_refused() -> None:
    stream = io.BytesIO()
    first, second = (Image.fromarray(np.full((4, 5), grey, np.uint8)) for grey in (0, 9))
    first.save(stream, "TIFF", save_all=True, append_images=[second])
    with pytest.raises(InputError, match=r"a.tif holds 2 pictures; expected one"):
        decode(stream.getvalue(), "a.tif")


def test_without_pillow_a_file_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match="files of images need Pillow, which isn't installed"):
        decode(b"anything", "a.png")


@pytest.mark.parametrize("content", [b"", b"no image", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a" + bytes(20)])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"a.png is (empty; expected an image|no readable image; mend or remove it)"):
        decode(content, "a.png")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=300)
@given(st.sampled_from(["PNG", "JPEG", "TIFF", "BMP", "WEBP"]), st.data())
def test_damage_gives_a_picture_or_one_sentence(kind: str, data: st.DataObject) -> None:
    content = bytearray(written(np.arange(192, dtype=np.uint8).reshape(8, 8, 3), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    with suppress(InputError):  # and no other
        assert decode(bytes(content), "damaged").dtype in (np.uint8, np.uint16)


@given(PICTURES, st.integers(1, 4))
def test_channels_are_as_asked_and_grey_and_opacity_survive(pixels: np.ndarray, channels: int) -> None:
    there = pixels.shape[2] if pixels.ndim == 3 else 1
    found = with_channels(pixels, channels)
    assert found.dtype == pixels.dtype
    assert found.shape == pixels.shape[:2] + ((channels,) if channels > 1 else ())
    if there == 1:
        np.testing.assert_array_equal(with_channels(found, 1), pixels)
    if there in (2, 4) and channels in (2, 4):
        np.testing.assert_array_equal(found[..., -1], pixels[..., -1])


def test_grey_is_that_of_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    difference = with_channels(pixels, 1).astype(int) - np.asarray(Image.fromarray(pixels).convert("L"))
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_resizing_keeps_a_flat_picture_and_its_type(dtype: type) -> None:
    flat = np.full((6, 8, 3), 200, dtype)
    np.testing.assert_array_equal(resized(flat, (3, 5)), np.full((3, 5, 3), 200, dtype))
    assert resized(flat, (3, 5)).dtype == dtype


def test_resizing_to_half_averages() -> None:
    """A triangle twice as wide as the pixels: weights 1, 3, 3, 1 of 8."""
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (4, 1))
    np.testing.assert_array_equal(resized(ramp, (4, 8))[0, 1:-1], ramp[0].reshape(8, 2).mean(axis=1)[1:-1])


@given(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE))
def test_what_was_padded_comes_back_and_what_was_cropped_is_the_middle(
    small: tuple[int, int], more: tuple[int, int]
) -> None:
    large = (small[0] + more[0], small[1] + more[1])
    pixels = np.arange(small[0] * small[1], dtype=np.uint8).reshape(small) + 1
    pad, crop = Form(large, "pad"), Form(small, "crop")
    padded = pad.apply(pixels, "a")
    assert padded.shape == large
    assert padded.sum() == pixels.sum()
    np.testing.assert_array_equal(pad.undo(padded, small), pixels)
    np.testing.assert_array_equal(crop.apply(padded, "a"), pixels)


def test_a_resized_picture_gets_its_size_back() -> None:
    form = Form((4, 4), "resize")
    assert form.undo(form.apply(np.zeros((6, 9, 3), np.uint8), "a"), (6, 9)).shape == (6, 9, 3)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (Form((4, 4)), "a.png is 6 x 5 pixels; expected 4 x 4; set data.image.fit to resize, crop or pad"),
        (Form((4, 9), "crop"), "a.png is 6 x 5 pixels; expected at least 9 x 4; set data.image.fit to resize"),
        (Form((4, 9), "pad"), "a.png is 6 x 5 pixels; expected at most 9 x 4; set data.image.fit to resize"),
    ],
)
def test_another_size_is_named(form: Form, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        form.apply(np.zeros((5, 6), np.uint8), "a.png")


def test_a_form_survives_json() -> None:
    for form in (Form(), Form((4, 5), "pad", 3)):
        assert Form.from_config(form.config()) == form


def test_a_picture_is_described() -> None:
    assert described((4, 5, 3), "uint8") == "5 x 4 with 3 channels of 8 bits"
    assert described((4, 5), "uint16") == "5 x 4 with 1 channel of 16 bits"


def test_colours_of_16_bits_are_not_written_as_png() -> None:
    with pytest.raises(InputError, match="images of 3 channels of 16 bits can't be written as PNG files"):
        encode_png(np.zeros((4, 5, 3), np.uint16))


@pytest.mark.filterwarnings("error")
def test_a_large_picture_is_refused_in_one_sentence_without_a_warning() -> None:
    with pytest.raises(InputError, match=r"^a.png is 10,000 x 10,000 pixels; expected at most 64,000,000"):
        decode(png(10_000, 10_000, 8, 2, b""), "a.png")
