"""Recordings: a sound file or a folder of them, packed as they are and read as pieces at one sampling rate."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log2, prod
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.settings import AudioSettings
from hourglass.data.sources import Kind, Raw, folders, tars
from hourglass.data.sources.refusing import refused
from hourglass.errors import HourglassError
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.recordings import SUFFIXES, Recording
from hourglass.runtime.spectra import frames

#: The column that names the recording of a row: by it rows are split, so that none straddles two splits.
FILE = "file"
_STEM = "recordings"
#: Length of a frame of speech, in seconds (Rabiner & Schafer 2007, "Introduction to digital speech processing", 4.1).
_FRAME = 0.032
#: A file may take this share of `data.memory`; it is decoded in parts.
_SHARE = 4


def accepts(path: Path, data: DataParams) -> bool:
    """Take a sound file, or a folder with at least one somewhere below it."""
    if path.is_file():
        return path.suffix.lower() in SUFFIXES
    return path.is_dir() and next(folders.below(path, SUFFIXES), None) is not None


def take(path: Path, shard: Path, data: DataParams) -> Kind:
    """Decode every file once and pack the files as they are, in the order of their paths."""
    files, root = _files(path)
    for _ in _checked(files, data):
        pass
    labels = root / folders.LABELS
    if path.is_dir() and labels.is_file():
        folders.check_labels(root, [file.relative_to(root).as_posix() for file in files])
        shutil.copyfile(labels, shard / folders.LABELS)
    tars.pack(files, root, shard, _STEM)
    return "audio"


def blocks(shard: Path, kind: Kind, data: DataParams, limit: int) -> Iterator[Raw]:
    """Read pieces, file after file; beside them ``start`` in seconds and what `folders.side` knows of the file."""
    schema = schema_of(data)
    step = _stride(data.audio, schema) * schema.hop
    gathered = _Gathered(kind, max(1, limit // (8 * (schema.span + prod(schema.shape)))))
    side = folders.side(shard, tars.names(shard, _STEM))
    for number, packed in enumerate(tars.unpack(shard, _STEM)):
        with refused():
            parts = Recording.of(packed.content, packed.origin).blocks(schema.rate)
            row = 0
            for part in pieces(parts, schema.span, step):
                starts = (np.arange(row, row + len(part)) * step - (schema.span - step)) / schema.rate
                row += len(part)
                yield from gathered.add(part, side.iloc[[number] * len(part)].assign(start=starts.clip(0)))
    yield from gathered.rest()


def schema_of(data: DataParams) -> AudioSchema:
    """Say what a row is.

    Raises
    ------
    HourglassError
        The settings leave the rate open, which `settle` finds, or don't fit together.
    """
    settings = data.audio
    if settings.rate is None:
        raise HourglassError(
            "params.yaml: data.audio.rate is missing; set it, or run `hourglass data SOURCE` again, which does."
        )
    frame = settings.frame or 2 ** round(log2(_FRAME * settings.rate))
    hop = settings.hop or max(1, frame // 4)
    if hop > frame:
        raise HourglassError(
            f"params.yaml: data.audio.hop is {hop} and data.audio.frame {frame}; samples between two frames would be "
            "lost; set a smaller hop."
        )
    waveform = settings.form == "waveform"
    with refused():
        return AudioSchema(
            rate=settings.rate,
            form=settings.form,
            frame=frame,
            hop=hop,
            context=1 if waveform else settings.context,
            mels=settings.mels,
            floor=settings.floor,
        )


def settle(path: Path, data: DataParams) -> tuple[AudioSettings, list[str]]:
    """Find the sampling rate where the settings leave it open.

    Parameters
    ----------
    path : Path
        A file or a folder.
    data : DataParams

    Returns
    -------
    AudioSettings
        With a rate.
    list of str
        What was found, and what will be done to recordings that are different, a sentence each.
    """
    files, root = _files(path)
    rate, first = data.audio.rate, files[0].relative_to(root).as_posix()
    said, others, counts = [], Counter[int](), Counter[str]()
    for recording in _checked(files, data):
        if rate is None:
            rate = recording.rate
            said.append(f"rate: {rate:,} Hz, that of {first}")
        others[recording.rate] += recording.rate != rate
        counts["with several channels, whose mean is taken"] += recording.channels > 1
        counts["silent throughout"] += recording.is_silent()
    said += [f"{count:,} recording(s) at {other:,} Hz resampled" for other, count in sorted(others.items()) if count]
    said += [f"{count:,} recording(s) {what}" for what, count in counts.items() if count]
    return replace(data.audio, rate=rate), said


def pieces(parts: Iterable[NDArray[np.float64]], size: int, hop: int) -> Iterator[NDArray[np.float32]]:
    """Cut a waveform that comes in parts, as `spectra.cut` does a whole one: blocks of shape (pieces, size)."""
    held = np.zeros(size - hop, np.float32)
    for part in parts:
        held = np.concatenate([held, part.astype(np.float32)])
        count = max(0, (len(held) - size) // hop + 1)
        if count:
            yield frames(held[: (count - 1) * hop + size], size, hop)
            held = held[count * hop :]
    count = (len(held) - 1) // hop + 1
    if count:
        padded = np.zeros((count - 1) * hop + size, np.float32)
        padded[: len(held)] = held
        yield frames(padded, size, hop)


class _Gathered:
    """Pieces of several files on their way into blocks of so many rows."""

    def __init__(self, kind: Kind, most: int) -> None:
        self.kind, self.most = kind, most
        self.rows: list[NDArray[np.float32]] = []
        self.side: list[pd.DataFrame] = []

    def add(self, rows: NDArray[np.float32], side: pd.DataFrame) -> Iterator[Raw]:
        """Take pieces of a file, and give the blocks that are full."""
        done = 0
        while done < len(rows):
            part = slice(done, done + self.most - sum(map(len, self.rows)))
            self.rows.append(rows[part])
            self.side.append(side.iloc[part])
            done = part.stop
            if sum(map(len, self.rows)) == self.most:
                yield from self.rest()

    def rest(self) -> Iterator[Raw]:
        """Give what is there."""
        if self.rows:
            yield Raw(self.kind, np.concatenate(self.rows), pd.concat(self.side, ignore_index=True))
        self.rows, self.side = [], []


def _files(path: Path) -> tuple[list[Path], Path]:
    """List the recordings in the order of their paths, and give the folder that these are below."""
    if path.is_file():
        return [path], path.parent
    return tars.in_order(folders.below(path, SUFFIXES), path), path


def _checked(files: Iterable[Path], data: DataParams) -> Iterator[Recording]:
    """Decode files one after the other."""
    most = data.memory // _SHARE
    for file in files:
        content = folders.content(file)
        if len(content) > most:
            raise HourglassError(
                f"{file} has {len(content):,} bytes; expected at most {most:,}, a quarter of data.memory. Cut the "
                "recording, or raise data.memory."
            )
        with refused():
            recording = Recording.of(content, str(file))
            recording.check()
        yield recording


def _stride(settings: AudioSettings, schema: AudioSchema) -> int:
    """Tell how many frames are from one row to the next."""
    stride = settings.stride or max(1, schema.context // 2)
    if stride > schema.context:
        raise HourglassError(
            f"params.yaml: data.audio.stride is {stride}, and a row has {schema.context} frames; those between two "
            "rows would be lost; set a smaller stride."
        )
    return stride
