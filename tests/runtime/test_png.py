"""Plain PNG files are read as Pillow reads them; what isn't plain is left to it."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from hourglass.runtime.png import decode_plain

LIMIT = 10_000
SIDE = st.integers(1, 12)
PICTURES = st.one_of(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE, st.integers(2, 4))).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape)
)


def written(picture: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", **options)
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@given(PICTURES, st.integers(0, 9))
def test_a_plain_file_is_read_as_it_was_written(pixels: np.ndarray, level: int) -> None:
    found = decode_plain(written(Image.fromarray(pixels), compress_level=level), LIMIT)
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_every_filter_of_a_line_is_undone_as_pillow_undoes_it(kind: int) -> None:
    body = np.random.default_rng(kind).integers(0, 256, (9, 7 * 3), np.uint8)
    lines = zlib.compress(b"".join(bytes([kind]) + line.tobytes() for line in body))
    head = struct.pack(">IIBBBBB", 7, 9, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines[:20]) + chunk(b"IDAT", lines[20:])
    content += chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_plain(content, LIMIT), np.asarray(Image.open(io.BytesIO(content))))


@settings(max_examples=300)
@given(PICTURES, st.data())
def test_a_damaged_file_is_left_alone_or_read_as_pillow_reads_it(pixels: np.ndarray, data: st.DataObject) -> None:
    content = bytearray(written(Image.fromarray(pixels)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    found = decode_plain(bytes(content), LIMIT)
    if found is not None:
        np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(content))))


def test_what_is_not_plain_is_left_alone() -> None:
    grey = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_plain(written(grey), LIMIT) is not None
    assert decode_plain(written(grey, dpi=(72, 72)), LIMIT) is not None
    for content in (
        written(grey, exif=exif.tobytes()),
        written(grey.convert("P")),
        written(grey.convert("1")),
        written(Image.fromarray(np.zeros((4, 5), np.uint16))),
        written(grey, save_all=True, append_images=[grey.rotate(180)]),
        b"",
        b"text",
    ):
        assert decode_plain(content, LIMIT) is None
    assert decode_plain(written(grey), 19) is None
