"""Sound files: WAV, FLAC and Ogg, read and written by libsndfile."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .resampling import Resampler

SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
#: A WAV file that was streamed doesn't know its size.
_UNKNOWN = {0, 0xFFFFFFFF}
_AT_ONCE = 2**18
_EXTRA = "hourglass[audio]"


@dataclass(frozen=True)
class Recording:
    """A sound file in memory, whose samples are decoded when they are asked for.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        For messages.
    rate : int
        Samples per second.
    channels, samples : int
        Every channel has so many samples.
    subtype : str
        How a sample is written, ``PCM_16`` for one.
    """

    content: bytes
    name: str
    rate: int
    channels: int
    samples: int
    subtype: str

    @classmethod
    def of(cls, content: bytes, name: str) -> Self:
        """Read what a file says of itself.

        Raises
        ------
        InputError
            It is no sound file, is cut off, or holds no samples.
        """
        with _opened(content, name) as file:
            found = cls(content, name, file.samplerate, file.channels, file.frames, file.subtype)
        if _is_cut_off(content):
            raise InputError(f"{name} is cut off; fetch it again or remove it.")
        if not found.samples:
            raise InputError(f"{name} holds no samples; remove it.")
        return found

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; see `of`."""
        try:
            content = path.read_bytes()
        except OSError as problem:
            raise InputError(f"{path} can't be read ({problem.strerror}); name another file.") from problem
        return cls.of(content, str(path))

    def waveforms(self) -> NDArray[np.float64]:
        """Decode all samples of each channel, 1 being full scale: shape (channels, samples)."""
        return np.concatenate(list(self._decoded()), axis=1)

    def check(self) -> None:
        """Decode all samples, and keep none.

        Raises
        ------
        InputError
            The file is damaged, or a sample isn't finite.
        """
        for _ in self._decoded():
            pass

    def is_silent(self) -> bool:
        """Tell whether no sample of any channel is another than 0."""
        return not any(part.any() for part in self._decoded())

    def blocks(self, rate: int) -> Iterator[NDArray[np.float64]]:
        """Decode the mean of the channels at a sampling rate, part by part: waveforms of shape (samples,).

        Raises
        ------
        InputError
            The file is damaged, or a sample isn't finite.
        """
        resampler = Resampler(self.rate, rate)
        held, first, seen, done = np.empty(0), 0, 0, 0
        for part in self._decoded():
            held = np.concatenate([held, part.mean(axis=0)])
            seen += part.shape[1]
            known = max(seen - resampler.margin, 0) * resampler.up // resampler.down
            stop = resampler.count(seen) if seen == self.samples else max(done, known)
            yield resampler.part(held, first, done, stop)
            done = stop
            kept = max(first, done * resampler.down // resampler.up - resampler.margin)
            held, first = held[kept - first :], kept

    def _decoded(self) -> Iterator[NDArray[np.float64]]:
        """Decode parts of shape (channels, samples)."""
        import soundfile

        with _opened(self.content, self.name) as file:
            start = 0
            while start < self.samples:
                try:
                    part = file.read(min(_AT_ONCE, self.samples - start), dtype="float64", always_2d=True).T
                except soundfile.LibsndfileError as broken:
                    raise InputError(f"{self.name} is damaged ({broken}); fetch it again or remove it.") from broken
                if not part.shape[1]:
                    raise InputError(f"{self.name} is cut off; fetch it again or remove it.")
                bad = ~np.isfinite(part).all(axis=0)
                if bad.any():
                    at = (start + int(bad.argmax())) / self.rate
                    raise InputError(f"{self.name} holds a sample that isn't finite, at {at:.3f} s; mend or remove it.")
                start += part.shape[1]
                yield part


def write(path: Path, waveforms: NDArray[np.float64], rate: int, subtype: str) -> None:
    """Write a WAV file; what is louder than full scale is clipped where the subtype has no room for it.

    Parameters
    ----------
    path : Path
    waveforms : ndarray of shape (channels, samples)
    rate : int
        Samples per second.
    subtype : str
        How samples are written; 16 bits where a WAV file can't have it.
    """
    soundfile = _soundfile()
    known = soundfile.check_format("WAV", subtype)
    soundfile.write(path, waveforms.T, rate, subtype=subtype if known else "PCM_16", format="WAV")


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError as missing:
        raise InputError(f"sound files need the package soundfile; run `pip install '{_EXTRA}'`.") from missing
    return soundfile


def _opened(content: bytes, name: str) -> Any:
    soundfile = _soundfile()
    try:
        return soundfile.SoundFile(io.BytesIO(content))
    except soundfile.LibsndfileError as broken:
        raise InputError(f"{name} is no readable recording ({broken.error_string}); mend or remove it.") from broken


def _is_cut_off(content: bytes) -> bool:
    """Tell whether a file is shorter than it says; libsndfile reads such without a word."""
    if content[:4] == b"RIFF":
        size = int.from_bytes(content[4:8], "little")
        return size not in _UNKNOWN and size + 8 > len(content)
    if content[:4] == b"OggS":
        page = content.rfind(b"OggS")
        segments = content[page + 27 : page + 27 + content[page + 26]]
        is_last = bool(content[page + 5] & 4)
        return not is_last or page + 27 + len(segments) + sum(segments) > len(content)
    return False
