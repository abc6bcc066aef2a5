"""Recordings: pieces of a waveform or of its spectrum, and the way back to a waveform that can be heard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from .array import numbers_of
from .errors import InputError
from .schema import ROWS, Uncategorised, names_of
from .spectra import cut, fade, frames, from_mel, griffin_lim, hann, istft, joined, mel_filters, stft

Form = Literal["waveform", "spectrogram", "logmel"]
#: How a clean waveform is made of what a model says is clean: by Wiener's filter, by a milder one, or just so.
Filter = Literal["wiener", "mild", "none"]

_LEAST = 1e-12
#: Decades of power above the floor that a spectrum has at most.
_DECADES = 20.0
_AT_ONCE = 1024
#: Share of the noise and power of the mild filter: the best of twelve on the recordings that benchmarks/restoration.py
#: selects by, under white noise and in babble.
_MILD = 0.5, 0.7


@dataclass(frozen=True)
class AudioSchema(Uncategorised):
    """Pieces of recordings at one sampling rate.

    A row is a stretch of `context` frames. As a ``waveform`` it is these samples; as a ``spectrogram`` the power P of
    each frequency in each frame, as ``log10(1 + P / P0)`` with P0 at the `floor`; as ``logmel`` that of mel bands.

    Parameters
    ----------
    rate : int
        Samples per second.
    form : {"waveform", "spectrogram", "logmel"}
    frame, hop : int
        Samples of a frame, and from the start of one to the next.
    context : int
        Frames of a row; 1 of a waveform.
    mels : int
        Bands of ``logmel``.
    floor : float
        Power below which differences hardly count, in dB of full scale (1 for every sample).

    Raises
    ------
    InputError
        There are so many bands that one holds no frequency of a frame.
    """

    rate: int
    form: Form
    frame: int
    hop: int
    context: int = 1
    mels: int = 40
    floor: float = -30.0

    kind = "audio"

    def __post_init__(self) -> None:
        if self.form == "logmel":
            try:
                mel_filters(self.mels, self.frame, self.rate)
            except ValueError as narrow:
                raise InputError(
                    f"params.yaml: data.audio.mels is {self.mels}, and {narrow} of a frame of {self.frame} samples at "
                    f"{self.rate} Hz; set fewer mels or a longer data.audio.frame."
                ) from narrow

    @property
    def span(self) -> int:
        """Samples of a row."""
        return self.frame + (self.context - 1) * self.hop

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of a row as people have it: samples, or bands by frames."""
        if self.form == "waveform":
            return (self.span,)
        return (self.mels if self.form == "logmel" else self.frame // 2 + 1, self.context)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row in the net: channels first."""
        return (1, self.span) if self.form == "waveform" else self.raw_shape

    def encode(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bring rows into the net's shape; see `Schema.encode`.

        Taken are a waveform of shape (samples,), its pieces of shape (rows, span) as `pieces` gives them, and rows as
        `decode` gives them.
        """
        array = numbers_of(rows[ROWS] if names_of(rows) else rows)
        if array.dtype.kind not in "buif":
            raise InputError(f"rows are of type {array.dtype}; expected numbers.")
        if array.ndim == 1:
            array = self.pieces(array) if len(array) else array.reshape(0, self.span)
        if array.ndim < 2 or array.shape[1:] not in {(self.span,), self.raw_shape, self.shape, (prod(self.shape),)}:
            raise InputError(
                f"rows have shape {array.shape}; expected a waveform (samples,) at {self.rate} Hz, its pieces (rows, "
                f"{self.span}), or (rows, {', '.join(map(str, self.raw_shape))})."
            )
        valid = np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
        x = np.empty((len(array), *self.shape), np.float32)
        of_waveform = self.form != "waveform" and array.shape[1:] == (self.span,)
        for start in range(0, len(array), _AT_ONCE):
            part = array[start : start + _AT_ONCE]
            x[start : start + _AT_ONCE] = self._spectra_of(part) if of_waveform else part.reshape(-1, *self.shape)
        x[~valid] = 0
        return x, valid

    def bare(self, rows: Any) -> None:
        """None: what can't be judged is told before spectra are made; see `Schema.bare`."""
        return

    def decode(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring rows back into the shape that people have them in."""
        return x.reshape(len(x), *self.raw_shape)

    def config(self) -> dict[str, Any]:
        """Describe the schema as JSON."""
        return {
            "kind": "audio",
            "raw_shape": list(self.raw_shape),
            "rate": self.rate,
            "form": self.form,
            "frame": self.frame,
            "hop": self.hop,
            "context": self.context,
            "mels": self.mels,
            "floor": self.floor,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(**{name: value for name, value in config.items() if name not in {"kind", "raw_shape"}})

    def pieces(self, waveform: NDArray[Any], stride: int = 1) -> NDArray[Any]:
        """Cut a waveform into the pieces that rows are made of, every `stride` hops: shape (rows, span)."""
        return cut(waveform, self.span, stride * self.hop)

    def rebuilt(self, blocks: Iterable[NDArray[np.float64]], waveform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make a waveform of what a model made of the pieces of another, whose phases it takes.

        Parameters
        ----------
        blocks : iterable of ndarray of shape (rows, *raw_shape)
            One row for each of ``pieces(waveform)``, in order.
        waveform : ndarray of shape (samples,)

        Returns
        -------
        ndarray of shape (samples,)
        """
        if self.form == "waveform":
            return joined(np.concatenate(list(blocks)), self.hop, len(waveform), hann(self.span))
        spectra = stft(cut(waveform, self.frame, self.hop))
        size = np.abs(spectra)
        amplitudes = np.sqrt(self._powers(blocks, len(spectra)))
        return self._heard(spectra / np.maximum(size, _LEAST) * amplitudes, len(waveform))

    def cleaned(
        self, blocks: Iterable[NDArray[np.float64]], waveform: NDArray[np.float64], by: Filter = "wiener"
    ) -> NDArray[np.float64]:
        """Make a clean waveform of a noisy one, and of what a model says is clean in its pieces; see `rebuilt`.

        Each frequency of each frame is weighted by ``S / (S + N)``: S is the clean power by the model, N what the noisy
        one has more around this frequency, on the average over time (Lim & Oppenheim 1979, "Enhancement and bandwidth
        compression of noisy speech", section IV). A ``mild`` filter is their parametric one, ``(S / (S + N / 2))^0.7``.
        """
        if self.form == "waveform" or by == "none":
            return self.rebuilt(blocks, waveform)
        spectra = stft(cut(waveform, self.frame, self.hop))
        clean = self._powers(blocks, len(spectra))
        noise = _smooth(np.maximum(np.abs(spectra) ** 2 - clean, 0).mean(axis=0))
        share, power = _MILD if by == "mild" else (1.0, 1.0)
        gain = (clean / np.maximum(clean + share * noise, _LEAST)) ** power
        return self._heard(spectra * gain, len(waveform))

    def heard(self, rows: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
        """Make a waveform of each row by itself, of shape (rows, span).

        Where the row is a spectrum, phases are found by Griffin-Lim, and the ends, which few frames cover, are faded.

        Source: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform".
        """
        if self.form == "waveform":
            return rows.reshape(len(rows), self.span)
        generator = np.random.Generator(np.random.Philox(seed))
        waveforms = griffin_lim(self._amplitudes(rows), self.frame, self.hop, generator)
        return waveforms * fade(self.context, self.frame, self.hop)

    def _spectra_of(self, pieces: NDArray[Any]) -> NDArray[np.float64]:
        """Give the spectra of pieces: shape (rows, bands, context)."""
        power = np.abs(stft(frames(pieces, self.frame, self.hop))) ** 2
        if self.form == "logmel":
            power = power @ mel_filters(self.mels, self.frame, self.rate).T
        return np.log10(1 + np.moveaxis(power, 1, 2) / self._least_power)

    def _amplitudes(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo `_spectra_of`, without phases: amplitudes of shape (rows, context, bins)."""
        power = self._least_power * (10 ** np.clip(np.moveaxis(rows, 1, 2), 0, _DECADES) - 1)
        if self.form == "logmel":
            power = from_mel(power, self.frame, self.rate)
        return np.sqrt(power)

    def _powers(self, blocks: Iterable[NDArray[np.float64]], count: int) -> NDArray[np.float64]:
        """Give the power in each of so many frames of the waveform that rows overlap in: the mean of what they say.

        Rows count the more, the nearer a frame is to their middle.
        """
        before = self.context - 1  # frames of the first rows that lie before the waveform
        weights = np.bartlett(self.context + 2)[1:-1]
        total = np.zeros((count + 2 * before, self.frame // 2 + 1))
        weight = np.zeros((len(total), 1))
        row = 0
        for rows in blocks:
            amplitudes = self._amplitudes(rows)
            for place, share in enumerate(weights, start=row):
                total[place : place + len(rows)] += share * amplitudes[:, place - row]
                weight[place : place + len(rows)] += share
            row += len(rows)
        inside = slice(before, before + count)
        mean: NDArray[np.float64] = total[inside] / weight[inside]
        return mean**2

    def _heard(self, spectra: NDArray[np.complex128], samples: int) -> NDArray[np.float64]:
        lead = self.frame - self.hop
        return istft(spectra, self.frame, self.hop)[lead : lead + samples]

    @property
    def _least_power(self) -> float:
        return float(10 ** (self.floor / 10))


def filter_for(settings: Mapping[str, Any]) -> Filter:
    """Tell which filter suits a denoiser with these settings of its variant (docs/adr/0048-masks.md).

    Wiener's for whole spectra, and for masks out of noise that is steady, as its mean over time supposes; a mask out of
    other noise is a filter itself. Amplitudes in phase without a mask say less than whole spectra.
    """
    if not settings.get("amplitude"):
        return "wiener"
    if not settings.get("mask"):
        return "mild"
    return "wiener" if settings["corruption"] == "rician" else "none"


def _smooth(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean of each bin and those around it, a sixteenth of all."""
    window = np.ones(1 + 2 * (len(powers) // 32))
    return np.convolve(powers, window, "same") / np.convolve(np.ones_like(powers), window, "same")
