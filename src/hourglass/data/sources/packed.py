"""Image files in tar shards: checked and packed once, decoded in blocks ever after."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.decoding import Facts, File, Pictures, pictures
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import tars
from hourglass.data.sources.folders import content
from hourglass.errors import HourglassError
from hourglass.runtime.images import Form, described

SKIPPED = "skipped.json"


def form_of(settings: ImageSettings) -> Form:
    """Tell the form that the settings ask for."""
    size = (settings.size[0], settings.size[1]) if settings.size else None
    return Form(size, settings.fit, settings.channels)


def check(files: Sequence[Path], settings: ImageSettings) -> dict[Path, str]:
    """Decode every file once.

    Returns
    -------
    dict of Path to str
        The files to leave out, and what is wrong with each.

    Raises
    ------
    HourglassError
        A file is broken and may not be left out, can't be brought into the form, or differs from the others; or none
        is left.
    """
    skipped: dict[Path, str] = {}
    alike, place = _Alike(), 0
    for found in pictures((File(str(file), content(file)) for file in files), form_of(settings), pixels=False):
        named = files[place : place + found.number]
        place += found.number
        if found.facts.flaw == "broken" and settings.broken == "skip":
            skipped |= dict.fromkeys(named, found.facts.sentence)
            alike.skip(found.number)
        else:
            alike.require(found, lambda number: str(files[number]))
    if len(skipped) == len(files):
        raise HourglassError(f"none of {len(files)} images can be read; the first: {skipped[files[0]]}")
    return skipped


def list_skipped(skipped: dict[Path, str], root: Path, shard: Path, name: str = SKIPPED) -> None:
    """Write the names of the files below `root` that were left out, and what is wrong with each; nothing for none."""
    below = {file: why for file, why in skipped.items() if file.is_relative_to(root)}
    if below:
        listed = [
            {"file": file.relative_to(root).as_posix(), "why": why.replace(str(file), file.name)}
            for file, why in below.items()
        ]
        (shard / name).write_text(json.dumps({"skipped": listed}, indent=2) + "\n", encoding="utf-8")


def decoded(
    shard: Path, stem: str, settings: ImageSettings, limit: int
) -> Iterator[tuple[int, NDArray[Any], NDArray[np.int64]]]:
    """Decode the files that were packed under a stem.

    Parameters
    ----------
    shard : Path
    stem : str
    settings : ImageSettings
        What form they get.
    limit : int
        Bytes of a block, at most, unless a picture alone has more.

    Yields
    ------
    start : int
        Place of the first among all.
    pixels : ndarray of shape (rows, height, width) or (rows, height, width, channels)
    sizes : ndarray of shape (rows, 2)
        The height and width that each had.

    Raises
    ------
    HourglassError
        An archive is damaged, or a file doesn't fit the form or the others.
    """
    files = (File(packed.origin, packed.content) for packed in tars.unpack(shard, stem))
    alike = _Alike()
    parts: list[Pictures] = []
    start = held = 0
    for found in pictures(files, form_of(settings)):
        alike.require(found, lambda place: f"{shard}: {tars.names(shard, stem)[place]}")
        rows = max(1, limit // (2 * found.facts.nbytes))  # twice: the parts of a block, and the block
        for part in _cut(found, rows - held, rows):
            parts.append(part)
            held += part.number
            if held == rows:
                yield start, *_joined(parts)
                start, parts, held = start + held, [], 0
    if parts:
        yield start, *_joined(parts)


def _cut(found: Pictures, first: int, rows: int) -> Iterator[Pictures]:
    """Cut pictures: what a block still takes, then whole blocks, then the rest."""
    assert found.pixels is not None  # noqa: S101
    start, stop = 0, first
    while start < found.number:
        pixels = found.pixels[start:stop]
        yield Pictures(found.facts, len(pixels), pixels)
        start, stop = stop, stop + rows


def _joined(parts: list[Pictures]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    pixels = np.concatenate([part.pixels for part in parts if part.pixels is not None])
    return pixels, np.repeat([part.facts.size for part in parts], [part.number for part in parts], axis=0)


class _Alike:
    """Whether pictures have one shape and depth."""

    def __init__(self) -> None:
        self._first: tuple[Facts, int] | None = None
        self._seen = 0

    def skip(self, count: int) -> None:
        """Pass over pictures that don't count."""
        self._seen += count

    def require(self, found: Pictures, name_of: Callable[[int], str]) -> None:
        """Refuse pictures with a flaw, or unlike the first; `name_of` names one by its place."""
        facts, place = found.facts, self._seen
        self._seen += found.number
        if facts.flaw:
            raise HourglassError(facts.sentence)
        first, at = self._first = self._first or (facts, place)
        if (facts.shape, facts.dtype) != (first.shape, first.dtype):
            raise HourglassError(
                f"{name_of(place)} is {described(facts.shape, facts.dtype)} and {name_of(at)} is "
                f"{described(first.shape, first.dtype)}; expected one size and depth for all images; set "
                "data.image.size with data.image.fit, or data.image.channels."
            )
