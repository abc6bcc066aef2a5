"""What a denoiser and spectral gating make of noisy sound."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.evaluation.filters import GATES, gated
from hourglass.runtime import Model
from hourglass.runtime.audio import AudioSchema
from hourglass.sound import si_sdr, stoi

Waveform = NDArray[np.float64]

_VOICES = 4
_LEAST = 1e-12


def beside_gating(model: Model, tuning: NDArray[Any], test: NDArray[Any], *, seed: int) -> list[dict[str, Any]]:
    """Measure sound under noise as strong as itself (0 dB), gated, and cleaned by the model.

    The noise is white; of a model that was trained with ``babble``, it is four voices from the sound of `tuning`.

    Parameters
    ----------
    model : Model
        Of recordings.
    tuning, test : ndarray of shape (rows, *raw_shape)
        Clean rows in their order: those that the gate's strength is chosen on, by SI-SDR, and those that are measured.
    seed : int
        Of the noise.

    Returns
    -------
    list of dict
        ``name``, ``strength`` of the gate, ``si_sdr`` in dB, ``stoi``; empty where the rows are silent.
    """
    schema = model.schema
    assert isinstance(schema, AudioSchema)  # noqa: S101
    draw = np.random.default_rng(seed)
    clean, other = (joined(schema, rows) if len(rows) else np.zeros(1) for rows in (test, tuning))
    if not clean.any():
        return []
    babble = model.config["settings"]["corruption"] == "babble"
    noise = [voices(other, len(one), draw) if babble else draw.standard_normal(len(one)) for one in (clean, other)]
    noisy, other_noisy = (
        one + one.std() / max(beside.std(), _LEAST) * beside for one, beside in zip((clean, other), noise, strict=True)
    )
    strength = max(GATES, key=lambda gate: si_sdr(other, gated(other_noisy, gate, schema.rate)))
    found = {"noisy": noisy, "spectral gating": gated(noisy, strength, schema.rate), "model": model.denoise(noisy)}
    return [
        {
            "name": name,
            "strength": strength if name == "spectral gating" else None,
            "si_sdr": si_sdr(clean, waveform),
            "stoi": stoi(clean, waveform, schema.rate),
        }
        for name, waveform in found.items()
    ]


def voices(sound: Waveform, samples: int, draw: np.random.Generator) -> Waveform:
    """Let four talk at once: the sum of as many stretches of sound, which go round: shape (samples,)."""
    starts = draw.integers(0, len(sound), _VOICES)
    return np.asarray(np.sum([np.resize(np.roll(sound, -start), samples) for start in starts], axis=0))


def joined(schema: AudioSchema, rows: NDArray[Any]) -> Waveform:
    """Make one waveform of rows in their order, what overlaps taken once.

    Of spectra, phases are found by Griffin-Lim.

    Parameters
    ----------
    schema : AudioSchema
    rows : ndarray of shape (rows, *raw_shape)

    Returns
    -------
    ndarray of shape (samples,)
    """
    if schema.form == "waveform":
        return np.asarray(_once(rows[:, None, :], schema.hop)[0])
    frames = _once(rows, 1)
    waveform: Waveform = replace(schema, context=frames.shape[1]).heard(frames[None])[0]
    return waveform


def _once(rows: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Put rows of shape (bands, places) behind each other, each without what it shares with the one before."""
    places = rows.shape[2]
    kept = [rows[0]]
    for before, row in pairwise(rows):
        shifts = range(step, places, step)
        new = next((shift for shift in shifts if np.array_equal(before[:, shift:], row[:, :-shift])), places)
        kept.append(row[:, -new:])
    return np.concatenate(kept, axis=1).astype(np.float64)
