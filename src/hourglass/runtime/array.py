"""Rows that are arrays of one shape: images, or anything else."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import InputError
from .images import AS_IS, Form, decode
from .schema import ROWS, Uncategorised, array_of, as_numbers, chosen, judged


@dataclass(frozen=True)
class ArraySchema(Uncategorised):
    """Rows that are arrays of one shape: images (in the net: channels first) or anything else.

    Parameters
    ----------
    kind : "image" or "array"
    raw_shape : tuple of int
        Shape of a row as people have it; of an image (height, width) or (height, width, channels).
    name : str
        Which of several arrays that come together, in a dict or as the fields of one array, holds the rows.
    form : Form
        What image files, and pictures in a list, are brought to.
    derived : str or None
        How the array is made of the rows that it stands beside (see `derived.derive`); None: it comes with them.
    """

    kind: Literal["image", "array"]
    raw_shape: tuple[int, ...]
    name: str = ROWS
    form: Form = AS_IS
    derived: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net."""
        if self.kind == "array":
            return self.raw_shape
        height, width, *channels = self.raw_shape
        return (channels[0] if channels else 1, height, width)

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bring rows into the net's shape; see `Schema.encode` and `bare`."""
        return judged(self.bare(rows))

    def bare(self, rows: Any) -> NDArray[Any]:
        """Bring rows into the net's shape, whatever their numbers; see `Schema.bare`. Flattened rows are taken too.

        Images may be a list of files, as bytes, as their base64 (which JSON can hold) or as a `Path` (a text is none,
        for it may come from far away), or of pictures of any size that the model's form allows.
        """
        if isinstance(rows, np.ndarray) and rows.shape[1:] == self.raw_shape and rows.dtype.kind in "buif":
            return self._in_net(rows)
        named = "rows" if self.name == ROWS else f"rows of {self.name!r}"
        own = rows.to_numpy() if isinstance(rows, pd.DataFrame) else chosen(rows, self.name)
        files = self._listed(own)
        array = numbers_of(own) if files is None else self._pictures(files)
        if array.dtype.kind not in "buif":
            raise InputError(f"{named} are of type {array.dtype}; expected numbers.")
        if array.shape == (0,):
            array = array.reshape(0, *self.raw_shape)
        if array.ndim == 0 or array.shape[1:] not in {self.raw_shape, (prod(self.raw_shape),)}:
            expected = ", ".join(str(size) for size in self.raw_shape)
            raise InputError(f"{named} have shape {array.shape}; expected (rows, {expected}).")
        return self._in_net(array.reshape(len(array), *self.raw_shape))

    def decode(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring rows back into the shape that people have them in."""
        if self.kind == "array":
            return x
        return np.moveaxis(x, 1, -1).reshape(len(x), *self.raw_shape)

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        named = {} if self.name == ROWS else {"name": self.name}
        form = {} if self.form == AS_IS else {"form": self.form.config()}
        derived = {} if self.derived is None else {"derived": self.derived}
        return {"kind": self.kind, "raw_shape": list(self.raw_shape)} | named | form | derived

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        form = Form.from_config(config["form"]) if "form" in config else AS_IS
        return cls(config["kind"], tuple(config["raw_shape"]), config.get("name", ROWS), form, config.get("derived"))

    def _in_net(self, array: NDArray[Any]) -> NDArray[Any]:
        return _channels_first(array) if self.kind == "image" else array

    def _listed(self, rows: Any) -> Sequence[Any] | None:
        """List files, and pictures that the form has something to do with; None of numbers."""
        if self.kind != "image":
            return None
        listed = list(rows) if isinstance(rows, np.ndarray) and rows.ndim == 1 else rows
        if not isinstance(listed, list | tuple) or not listed:
            return None
        one = listed[0]
        whole = isinstance(one, np.ndarray) and one.dtype in (np.uint8, np.uint16) and one.ndim in (2, 3)
        return listed if isinstance(one, bytes | str | Path) or (whole and self.form != AS_IS) else None

    def _pictures(self, rows: Any) -> NDArray[Any]:
        formed = [self.form.apply(_pixels(row, f"row {place}"), f"row {place}") for place, row in enumerate(rows)]
        for place, picture in enumerate(formed):
            if picture.shape != self.raw_shape:
                raise InputError(f"row {place} has shape {picture.shape}; expected {self.raw_shape}.")
        return np.stack(formed)


def kind_of(x: NDArray[Any]) -> Literal["image", "array"]:
    """Tell images, (rows, height, width) or (rows, height, width, 1 to 4) of uint8, from other arrays."""
    return "image" if x.dtype == np.uint8 and is_pictures(x) else "array"


def is_pictures(x: NDArray[Any]) -> bool:
    """Tell whether an array has the shape and type of pictures, (rows, height, width) or with 1 to 4 channels last."""
    return x.dtype in (np.uint8, np.uint16) and (x.ndim == 3 or (x.ndim == 4 and x.shape[-1] <= 4))


def _pixels(row: Any, name: str) -> NDArray[Any]:
    if isinstance(row, bytes | str):
        return decode(row if isinstance(row, bytes) else _bytes_of(row, name), name)
    if isinstance(row, np.ndarray) and row.dtype in (np.uint8, np.uint16) and row.ndim in (2, 3):
        return row
    if not isinstance(row, Path):
        raise InputError(
            f"{name} is no picture, and others are; expected files or pictures of 8 or 16 bits throughout."
        )
    try:
        return decode(row.read_bytes(), str(row))
    except OSError as problem:
        raise InputError(f"{row} can't be read ({problem.strerror}).") from problem


def _bytes_of(text: str, name: str) -> bytes:
    """Read the base64 of a file, alone or in a data URL."""
    try:
        return b64decode(text.partition(";base64,")[2] or text, validate=True)
    except ValueError as other:
        raise InputError(f"{name} is text; expected the base64 of an image file (paths as pathlib.Path).") from other


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    return images[:, None] if images.ndim == 3 else np.ascontiguousarray(np.moveaxis(images, -1, 1))


def numbers_of(rows: Any) -> NDArray[Any]:
    """Read rows as an array; of an array of objects or texts, what is no number becomes NaN.

    Raises
    ------
    InputError
        Rows have different shapes.
    """
    array = array_of(rows)
    try:
        if array.dtype.kind not in "OSU" or array.ndim == 0:
            return array
        stacked = np.stack([np.asarray(row, object) for row in array]) if len(array) else array
    except ValueError as ragged:
        raise InputError(f"rows have different shapes ({ragged}); expected one shape for all.") from ragged
    return as_numbers(pd.Series(stacked.reshape(-1))).reshape(stacked.shape)
