"""What a model of recordings makes of sound files: files of the same rate and length, to be heard."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.settings import AudioSettings
from hourglass.data.sources import folders, tars
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.recordings import SUFFIXES, Recording, write
from hourglass.runtime.resampling import Resampler
from hourglass.sound import si_sdr
from hourglass.use.results import FOLDER, made, require_new

WAV = ".wav"
#: How samples of what is made from nothing are written.
_SUBTYPE = "PCM_16"

Waveform = NDArray[np.float64]


def is_of_recordings(model: Model) -> bool:
    """Tell whether a model takes sound."""
    return isinstance(model.schema, AudioSchema)


def as_learnt(model: Model, data: DataParams) -> DataParams:
    """Give the settings by which a model's recordings are read, all pieces of them."""
    config = model.schema.config()
    names = ("rate", "form", "frame", "hop", "context", "mels", "floor")
    settings = AudioSettings(**{name: config[name] for name in names}, stride=1)
    return data.model_copy(update={"audio": settings})


def reconstruct(model: Model, source: str, out: Path) -> str:
    """Write recordings as the model rebuilds them; see `denoise`."""
    return _change(model, source, out, model.reconstruct)[0]


def denoise(model: Model, source: str, out: Path, reference: str | None = None) -> str:
    """Write recordings cleaned by a denoising model, each at its own rate, length and sample format.

    Parameters
    ----------
    model : Model
    source : str
        A sound file, or a folder of them.
    out : Path
        Of a file a ``.wav``; of a folder another one, in which each file has its name, as WAV.
    reference : str, optional
        The clean recording or folder, to be told what was gained.

    Raises
    ------
    HourglassError
        The output exists, there is no recording, or none of the same length in the reference.
    InputError
        A recording can't be read.
    """
    sentence, ratios = _change(model, source, out, model.denoise, reference)
    if not ratios:
        return sentence
    before, after = np.mean(ratios, axis=0)
    return f"{sentence}; SI-SDR {before:.1f} dB before, {after:.1f} dB after: gain {after - before:+.1f} dB"


def write_rows(model: Model, rows: Any, out: Path, seed: int = 0) -> str:
    """Write rows that the model made as sound, numbered, into a new folder."""
    assert isinstance(model.schema, AudioSchema)  # noqa: S101
    waveforms = model.schema.heard(np.asarray(rows), seed)
    with made(out) as folder:
        folder.mkdir()
        for number, waveform in enumerate(waveforms):
            write(folder / f"{number:06d}.wav", waveform[None], model.schema.rate, _SUBTYPE)
    return f"{out}: {len(waveforms):,} pieces of {model.schema.span / model.schema.rate:.3f} s"


def _change(
    model: Model, source: str, out: Path, change: Callable[[Waveform], Waveform], reference: str | None = None
) -> tuple[str, list[tuple[float, float]]]:
    """Write changed recordings; give a sentence and, with a reference, what `_ratios` says of each."""
    assert isinstance(model.schema, AudioSchema)  # noqa: S101
    path = Path(source)
    files = _files(path)
    require_new(out, WAV if path.is_file() else FOLDER)
    clean = _clean(files, reference)
    ratios, seconds = [], 0.0
    with made(out) as target:
        for name, file in files.items():
            recording = Recording.read(file)
            before = recording.waveforms()
            after = np.stack([_at_rate(channel, recording.rate, model.schema.rate, change) for channel in before])
            place = target if path.is_file() else target / _written_as(name, files)
            place.parent.mkdir(parents=True, exist_ok=True)
            write(place, after, recording.rate, recording.subtype)
            seconds += recording.samples / recording.rate
            if clean:
                ratios.append(_ratios(Recording.read(clean[name]), before, after))
    return f"{out}: {len(files):,} recording(s) of {seconds:,.1f} s", ratios


def _written_as(name: str, names: Iterable[str]) -> str:
    """Name a file's WAV as the file, with its suffix before where two would have one name."""
    stem = name.removesuffix(Path(name).suffix)
    doubled = sum(other.removesuffix(Path(other).suffix) == stem for other in names) > 1
    return f"{name if doubled else stem}{WAV}"


def _clean(files: dict[str, Path], reference: str | None) -> dict[str, Path]:
    """Find the clean recording of each file."""
    if reference is None:
        return {}
    found = _files(Path(reference))
    if len(found) == len(files) == 1:
        return dict(zip(files, found.values(), strict=True))
    missing = [name for name in files if name not in found]
    if missing:
        raise HourglassError(f"{reference} holds no {missing[0]}, the clean recording of what shall be cleaned.")
    return found


def _files(path: Path) -> dict[str, Path]:
    """List recordings by their names below a folder; a file by its own."""
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        raise HourglassError(
            f"{path} doesn't exist; expected a sound file ({', '.join(sorted(SUFFIXES))}) or a folder."
        )
    files = tars.in_order(folders.below(path, SUFFIXES), path)
    if not files:
        raise HourglassError(f"{path} holds no recordings; expected {', '.join(sorted(SUFFIXES))} files.")
    return {file.relative_to(path).as_posix(): file for file in files}


def _at_rate(waveform: Waveform, before: int, rate: int, change: Callable[[Waveform], Waveform]) -> Waveform:
    """Change a waveform at another rate, and bring it back to its own rate and length."""
    changed = Resampler(rate, before)(change(Resampler(before, rate)(waveform)))
    return np.pad(changed[: len(waveform)], (0, max(0, len(waveform) - len(changed))))


def _ratios(reference: Recording, before: Waveform, after: Waveform) -> tuple[float, float]:
    """Give the ratios before and after, each the mean over channels."""
    clean = reference.waveforms()
    if clean.shape != before.shape:
        raise HourglassError(
            f"{reference.name} has {clean.shape[0]} channels of {clean.shape[1]:,} samples, and what was cleaned "
            f"{before.shape[0]} of {before.shape[1]:,}; expected the same recording without noise."
        )
    return (
        float(np.mean([si_sdr(*pair) for pair in zip(clean, before, strict=True)])),
        float(np.mean([si_sdr(*pair) for pair in zip(clean, after, strict=True)])),
    )
