"""Images as files: decoded the same way at ingestion and in serving, and fitted to the one shape that a net takes.

Needs numpy alone until a file is decoded, a picture resized or a PNG file written; then Pillow.
"""

import io
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .png import decode_plain

if TYPE_CHECKING:
    from PIL.Image import Image

#: Endings of the files that are images, and Pillow's names of their formats; nothing else is ever parsed.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
MAX_PIXELS = 64_000_000

Fit = Literal["refuse", "resize", "crop", "pad"]

_ORIENTATION = 0x0112
#: Pillow's modes that hold more or other than 1 to 4 channels of 8 bits, and what they become.
_CONVERTED = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}
_KEPT = {"L", "LA", "RGB", "RGBA"}
#: Several channels of 16 bits, which Pillow would silently cut to 8.
_CUT = re.compile(r"(LA|RGB|RGBA|RGBX|CMYK|YCbCr);16")
_LUMA = np.array([299, 587, 114])


def decode(content: bytes, name: str) -> NDArray[Any]:
    """Decode a PNG, JPEG, TIFF, BMP or WebP file and turn it the way that its EXIF says.

    Parameters
    ----------
    content : bytes
    name : str
        What messages call it.

    Returns
    -------
    ndarray of uint8 or uint16, shape (height, width) or (height, width, 2 to 4)

    Raises
    ------
    InputError
        It is no image, broken, larger than 64 million pixels (refused by its header), holds several pictures, or has a
        depth that can't be kept: 8 bits, or 16 of one channel, can.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as missing:
        raise InputError("files of images need Pillow, which isn't installed; `pip install pillow`.") from missing
    if not content:
        raise InputError(f"{name} is empty; expected an image.")
    plain = decode_plain(content, MAX_PIXELS)
    if plain is not None:
        return plain
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):  # `_check` refuses them
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
        _check(image, name)
        image.load()
        return _pixels(_upright(image), name)
    except InputError:
        raise
    except Image.DecompressionBombError as large:
        raise InputError(f"{name} is too large ({large}); expected at most {MAX_PIXELS:,} pixels.") from large
    except Exception as broken:  # a format's parser raises whatever it stumbles over
        why = "" if isinstance(broken, UnidentifiedImageError) else f" ({broken})"
        raise InputError(f"{name} is no readable image{why}; mend or remove it.") from broken


def encode_png(pixels: NDArray[Any]) -> bytes:
    """Write pixels, (height, width) or (height, width, 1 to 4) of uint8, or uint16 of one channel, as a PNG file.

    Raises
    ------
    InputError
        Several channels of 16 bits: no library here writes them.
    """
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    if flat.ndim == 3 and flat.dtype != np.uint8:
        raise InputError(
            f"images of {flat.shape[2]} channels of 16 bits can't be written as PNG files; write .npy or .npz."
        )
    stream = io.BytesIO()
    Image.fromarray(flat).save(stream, format="PNG")
    return stream.getvalue()


@dataclass(frozen=True)
class Form:
    """What every picture is brought to.

    Parameters
    ----------
    size : (height, width) or None
        None: the size that they have.
    fit : {"refuse", "resize", "crop", "pad"}
        What becomes of another size. ``crop`` cuts out the middle and refuses what is smaller, ``pad`` puts black
        around and refuses what is larger.
    channels : 1 to 4, or None
        None: those that they have. 1 is grey, 2 grey and opacity, 3 colour, 4 colour and opacity.
    """

    size: tuple[int, int] | None = None
    fit: Fit = "refuse"
    channels: int | None = None

    def config(self) -> dict[str, Any]:
        """Describe the form as JSON."""
        return {"size": list(self.size) if self.size else None, "fit": self.fit, "channels": self.channels}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Form":
        """Read what `config` gave."""
        size = config["size"]
        return cls((size[0], size[1]) if size else None, config["fit"], config["channels"])

    def apply(self, pixels: NDArray[Any], name: str) -> NDArray[Any]:
        """Bring a picture into this form.

        Raises
        ------
        InputError
            It has another size, and `fit` doesn't say what to do.
        """
        shaped = pixels if self.channels is None else with_channels(pixels, self.channels)
        if self.size is None or shaped.shape[:2] == self.size:
            return shaped
        if self.fit == "resize":
            return resized(shaped, self.size)
        return self._cut_or_padded(shaped, name)

    def undo(self, pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
        """Bring a picture back to the size that it had; of a cropped one the middle is all there is."""
        if pixels.shape[:2] == size or self.fit in {"refuse", "crop"}:
            return pixels
        if self.fit == "resize":
            return resized(pixels, size)
        top, left = _margins(pixels.shape[:2], size)
        return pixels[top : top + size[0], left : left + size[1]]

    def _cut_or_padded(self, pixels: NDArray[Any], name: str) -> NDArray[Any]:
        assert self.size is not None  # noqa: S101
        (height, width), (wanted_height, wanted_width) = pixels.shape[:2], self.size
        wanted = f"{wanted_width} x {wanted_height}"
        if self.fit == "crop" and height >= wanted_height and width >= wanted_width:
            top, left = _margins((height, width), self.size)
            return pixels[top : top + wanted_height, left : left + wanted_width]
        if self.fit == "pad" and height <= wanted_height and width <= wanted_width:
            top, left = _margins(self.size, (height, width))
            padded = np.zeros((*self.size, *pixels.shape[2:]), pixels.dtype)
            padded[top : top + height, left : left + width] = pixels
            return padded
        least = {"crop": "at least ", "pad": "at most "}.get(self.fit, "")
        hint = "set data.image.fit to resize, crop or pad" if self.fit == "refuse" else "set data.image.fit to resize"
        raise InputError(f"{name} is {width} x {height} pixels; expected {least}{wanted}; {hint}.")


#: Pictures stay as they are, and have one size.
AS_IS = Form()


def with_channels(pixels: NDArray[Any], channels: int) -> NDArray[Any]:
    """Give pixels 1 to 4 channels: grey is the luma of ITU-R BT.601, opacity is full where there was none."""
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    there = planes.shape[2]
    if there == channels:
        return pixels[..., 0] if channels == 1 and pixels.ndim == 3 else pixels
    colours = planes[..., : there - (there in {2, 4})]
    if channels <= 2 and colours.shape[2] == 3:
        colours = ((colours @ _LUMA + 500) // 1000).astype(pixels.dtype)[..., None]
    elif channels >= 3 and colours.shape[2] == 1:
        colours = np.repeat(colours, 3, axis=2)
    if channels == 1:
        return colours[..., 0]
    if channels == 3:
        return colours
    opaque = np.full_like(planes[..., :1], np.iinfo(pixels.dtype).max)
    return np.concatenate([colours, planes[..., -1:] if there in {2, 4} else opaque], axis=2)


def resized(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize by triangle filters as wide as the scale asks for; whole numbers are rounded, and stay of their type."""
    from PIL import Image

    height, width = size
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    done = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[..., channel], np.float32)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for channel in range(planes.shape[2])
    ]
    stacked = np.stack(done, axis=-1)
    if pixels.dtype.kind in "ui":
        stacked = stacked.round()
    return stacked.astype(pixels.dtype).reshape(height, width, *pixels.shape[2:])


def described(shape: tuple[int, ...], dtype: str) -> str:
    """Say what a picture is: ``28 x 28 with 1 channel of 8 bits``."""
    height, width, *rest = shape
    channels = rest[0] if rest else 1
    return f"{width} x {height} with {channels} channel{'s' * (channels > 1)} of {8 * np.dtype(dtype).itemsize} bits"


def _check(image: "Image", name: str) -> None:
    """Judge by the header alone, before a pixel is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{name} is {image.width:,} x {image.height:,} pixels; expected at most {MAX_PIXELS:,} in all; cut it up."
        )
    # telephones put a preview behind the picture of a JPEG file, which Pillow then calls MPO
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise InputError(f"{name} holds {image.n_frames} pictures; expected one; save each as a file.")  # type: ignore[attr-defined]
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if isinstance(arguments[0], str) and _CUT.match(arguments[0]):
            raise InputError(
                f"{name} has several channels of 16 bits, of which only 8 could be read; save it with 8 bits, in grey, "
                "or as an array (.npy)."
            )


def _upright(image: "Image") -> "Image":
    """Turn a picture as its EXIF says; most have none, and looking is dear for the smallest."""
    from PIL import ImageOps

    if image.format == "PNG" and not any("exif" in str(key) or "xmp" in str(key) for key in image.info):
        return image
    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) != 1 else image


def _pixels(image: "Image", name: str) -> NDArray[Any]:
    if image.mode in _KEPT:
        return np.frombuffer(image.tobytes(), np.uint8).reshape(
            (image.height, image.width) if image.mode == "L" else (image.height, image.width, len(image.mode))
        )
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in {"P", "PA"}:
        transparent = image.mode == "PA" or "transparency" in image.info
        return np.asarray(image.convert("RGBA" if transparent else "RGB"))
    if image.mode not in _CONVERTED:
        raise InputError(
            f"{name} has pixels of type {image.mode}; expected 1 to 4 channels of 8 bits, or grey of 16; save it so, "
            "or as an array (.npy)."
        )
    return np.asarray(image.convert(_CONVERTED[image.mode]))


def _margins(outer: tuple[int, ...], inner: tuple[int, ...]) -> tuple[int, int]:
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
