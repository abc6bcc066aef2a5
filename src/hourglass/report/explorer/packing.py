"""Bytes and arrays as text inside the page: gzip, then base64; `blocks.js` unpacks them."""

import base64
import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(content: bytes) -> str:
    """Pack bytes; equal bytes give equal text."""
    return plain(gzip.compress(content, mtime=0))


def plain(content: bytes) -> str:
    """Write bytes that are compressed already."""
    return base64.b64encode(content).decode()


def array(values: NDArray[Any]) -> dict[str, Any]:
    """Pack an array: ``uint8`` stays, all else becomes ``float32``; little-endian, the last dimension first."""
    kept = values if values.dtype == np.uint8 else values.astype("<f4")
    return {"type": str(kept.dtype), "shape": list(kept.shape), "data": packed(np.ascontiguousarray(kept).tobytes())}


def unpacked(described: dict[str, Any]) -> NDArray[Any]:
    """Undo `array`."""
    content = gzip.decompress(base64.b64decode(described["data"]))
    return np.frombuffer(content, np.dtype(described["type"]).newbyteorder("<")).reshape(described["shape"])


def length(size: int) -> int:
    """Give the length of the text of so many bytes, at most: some content isn't compressed at all."""
    return size * 4 // 3 + 64
