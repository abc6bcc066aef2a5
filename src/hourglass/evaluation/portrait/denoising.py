"""What a model makes of rows that are corrupted as in its training, and more or less than there."""

from math import log10
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass.evaluation.portrait.filtered import beside_filters
from hourglass.evaluation.portrait.heard import beside_gating
from hourglass.evaluation.portrait.rows import Rows, in_net_units
from hourglass.models.shared.corruptions import CORRUPTIONS, Corruption, louder
from hourglass.runtime import Model
from hourglass.runtime.audio import AudioSchema

#: Amplitudes of the noise relative to that of training: its own, and three that training never saw.
AMPLITUDES = (1.0, 0.5, 1.5, 2.0)
_ROWS, _SHOWN = 256, 8


def denoising(model: Model, rows: Rows, tuning: Rows, *, seed: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Corrupt rows, feed them to the package and compare what comes back with the clean rows.

    Parameters
    ----------
    model : Model
        Of a variant with the settings ``corruption`` and ``level``.
    rows : Rows
        Clean ones, normal.
    tuning : Rows
        Others, which classic filters' strengths are chosen on.
    seed : int
        Of the noise; every level has the same.

    Returns
    -------
    dict
        ``corruption``; ``clean_mse``, the error on clean rows; ``levels``, a list with ``level``, ``held_out`` (whether
        it differs from training's), and what `compare` says; ``rivals``, the model beside classic filters (see
        `beside_filters`), of recordings beside spectral gating (see `beside_gating`).
    dict of str to ndarray
        ``denoising_noisy``, ``denoising_rebuilt`` and ``denoising_clean`` of shape (rows, *shape), at training's level.
    """
    settings = model.config["settings"]
    name = settings.get("corruption", "gaussian")
    corrupt, usual = CORRUPTIONS[name]
    own = usual if settings.get("level") is None else settings["level"]
    few, others = (some.take(slice(_ROWS)).raw for some in (rows, tuning))
    clean = in_net_units(model, few)

    def corrupted(x: NDArray[np.float32], level: float) -> Any:
        noisy = corrupt(torch.from_numpy(x), level, torch.Generator().manual_seed(seed)).numpy()
        return model.schema.decode(model.normaliser.inverse(noisy))

    def seen(level: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        raw = corrupted(clean, level)
        return in_net_units(model, raw), in_net_units(model, model.reconstruct(raw))

    found = {level_at(name, own, amplitude): amplitude for amplitude in AMPLITUDES}
    pairs = {level: seen(level) for level in found}
    facts = [{"level": level, "held_out": found[level] != 1} | compare(clean, *pairs[level]) for level in sorted(pairs)]
    noisy, rebuilt = pairs[level_at(name, own, 1)]
    if isinstance(model.schema, AudioSchema):
        rivals = beside_gating(model, others, few, seed=seed)
    else:
        aside = in_net_units(model, others)
        rivals = beside_filters((aside, in_net_units(model, corrupted(aside, own))), (clean, noisy), rebuilt)
    error = np.square(in_net_units(model, model.reconstruct(few)) - clean, dtype=np.float64)
    shown = {"noisy": noisy, "rebuilt": rebuilt, "clean": clean}
    return (
        {"corruption": name, "clean_mse": float(error.mean()), "levels": facts, "rivals": rivals},
        {f"denoising_{which}": some[:_SHOWN] for which, some in shown.items()},
    )


def level_at(corruption: Corruption, level: float, amplitude: float) -> float:
    """Give the level that makes noise so many times as strong, rounded so that equal ones are equal."""
    return round(louder(corruption, level, amplitude), 9)


def compare(clean: NDArray[Any], noisy: NDArray[Any], rebuilt: NDArray[Any]) -> dict[str, float]:
    """Measure what rebuilding gains.

    Parameters
    ----------
    clean, noisy, rebuilt : ndarray of shape (rows, ...)
        The same rows, in the nets' units.

    Returns
    -------
    dict
        In dB, higher is better: ``snr_noisy`` and ``snr_rebuilt``, ``10 log10`` of the power of the rows, each without
        its mean, over that of the error; ``gain``, their difference, which is that of the PSNRs too.
    """
    flat = clean.reshape(len(clean), -1).astype(np.float64)
    power = flat.var(axis=1).mean()
    noisy_snr, rebuilt_snr = (
        _decibels(power, np.square(one.reshape(flat.shape) - flat).mean()) for one in (noisy, rebuilt)
    )
    return {"snr_noisy": noisy_snr, "snr_rebuilt": rebuilt_snr, "gain": rebuilt_snr - noisy_snr}


def _decibels(power: float, error: float) -> float:
    least = np.finfo(np.float64).tiny
    return 10 * log10(max(power, least) / max(error, least))
