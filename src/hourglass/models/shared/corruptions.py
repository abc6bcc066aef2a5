"""What a denoising autoencoder has to undo; each row is corrupted by itself."""

from collections.abc import Callable
from math import log10, pi
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from hourglass.models.shared.sharing import drawn, own, whole

Corruption = Literal["gaussian", "masking", "salt_and_pepper", "additive", "drop_out", "warp", "rician", "babble"]
#: How strong a corruption is: for all rows, or for each of them as a tensor of shape (batch, 1, ..., 1).
Level = float | Tensor
#: Noise of each frequency and frame as the two parts of a complex number, the sound having the phase 0.
Noise = tuple[Tensor, Tensor]

#: The largest level of those whose level is a share.
LARGEST_SHARE = 0.95
#: Points along each side that a warp moves.
_POINTS = 4
#: Frames of a spectrogram start so many times within the length of one, as data.audio.hop has it by rule.
_FRAMES = 4
#: Rows that talk in the background.
_VOICES = 4
_LEAST = 1e-6


def gaussian(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Add normal noise of standard deviation `level`."""
    return x + level * _noise(x, generator)


def masking(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the values to 0 (Vincent et al. 2010, section 3.3)."""
    return x.masked_fill(_uniform(x, generator) < level, 0.0)


def salt_and_pepper(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the values to the least or the largest value of their row, by a fair coin."""
    low, high = (extreme.view(-1, *[1] * (x.dim() - 1)) for extreme in (x.flatten(1).amin(1), x.flatten(1).amax(1)))
    chance = _uniform(x, generator)
    return torch.where(chance < level, torch.where(chance < level / 2, low, high), x)


def additive(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Add normal noise at a signal-to-noise ratio of `level` dB, the signal being the row without its mean."""
    power = x.flatten(1).var(1, correction=0).view(-1, *[1] * (x.dim() - 1)) * 10 ** (-level / 10)
    return x + power.sqrt() * _noise(x, generator)


def drop_out(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Set one stretch of each row, a share `level` of its last dimension, to 0, in all channels at once."""
    length = x.shape[-1]
    share = torch.as_tensor(level, device=x.device).view(-1, 1)
    width = (share * length).round().clamp(1, max(length - 1, 1))
    chance = drawn(torch.rand, (len(x), 1), generator=generator, device=x.device)
    start = (chance * (length - width + 1)).floor()
    place = torch.arange(length, device=x.device)
    lost = (place >= start) & (place < start + width)
    return x.masked_fill(lost.view(len(x), *[1] * (x.dim() - 2), length), 0.0)


def warp(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Bend each image: the points of a coarse grid are moved, and what lies between them goes along.

    Steps are normal, of standard deviation `level` times the side, and interpolated by cubics (Ronneberger, Fischer &
    Brox 2015, "U-Net", section 3.1), so that an image is moved, turned, stretched and bent. Pixels at the edge go on
    beyond it.
    """
    points = (len(x), 2, _POINTS, _POINTS)
    steps = 2 * level * drawn(torch.randn, points, generator=generator, device=x.device, dtype=x.dtype)
    steps = functional.interpolate(steps, size=list(x.shape[2:]), mode="bicubic", align_corners=True)
    still = torch.eye(2, 3, device=x.device, dtype=x.dtype).expand(len(x), 2, 3)
    places = functional.affine_grid(still, list(x.shape), align_corners=False) + steps.permute(0, 2, 3, 1)
    return functional.grid_sample(x, places, padding_mode="border", align_corners=False)


def rician(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Add white noise to the sound that a spectrogram is of, `level` dB above the spectrogram's floor.

    The noise of each frequency and frame is complex and normal, and what is seen is the size of the sum, which has
    Rice's distribution (Rice 1945, "Mathematical analysis of random noise", section 3.10). Frames overlap by three
    quarters, so the noise of one is much like that of the next: it is that of one sound. `x` is
    ``log10(1 + power / floor)`` of shape (batch, bins, frames), as ``data.audio.form: spectrogram`` has it, not scaled
    further; of another shape each number has noise of its own.
    """
    return with_noise(x, _hiss(x, level, generator))


def babble(x: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Add four other rows of the batch to the sound that a spectrogram is of: people who talk in the background.

    Together they are `level` dB louder than one of them was recorded. Phases are drawn for each frequency and frame,
    for a spectrogram has none; `x` is that of `rician`.
    """
    return with_noise(x, _voices(x, level, generator))


def _hiss(x: Tensor, level: Level, generator: torch.Generator) -> Noise:
    deviation = 10 ** (torch.as_tensor(level, device=x.device, dtype=x.dtype) / 20)
    if x.dim() != 3 or x.shape[1] < _FRAMES:
        deviation = deviation * 0.5**0.5
        return deviation * _noise(x, generator), deviation * _noise(x, generator)
    spectra = _spectra_of_noise(x, generator)
    return deviation * spectra.real, deviation * spectra.imag


def _spectra_of_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw white noise of variance 1 for each row of `x`, and take it apart as `runtime.spectra.stft` does."""
    size, context = 2 * (x.shape[1] - 1), x.shape[2]
    hop = size // _FRAMES
    samples = (len(x), size + (context - 1) * hop)
    sound = drawn(torch.randn, samples, generator=generator, device=x.device, dtype=x.dtype)
    window = torch.hann_window(2 * size, device=x.device, dtype=x.dtype)[1::2]  # has no zero
    frames = sound.unfold(1, size, hop) * (window / window.sum()).sqrt()
    spectra: Tensor = torch.fft.rfft(frames)
    return spectra.transpose(1, 2)


def _voices(x: Tensor, level: Level, generator: torch.Generator) -> Noise:
    sizes = whole(amplitude(x))
    gain = 10 ** (torch.as_tensor(level, device=x.device, dtype=x.dtype) / 20) * _VOICES**-0.5
    real, imaginary = torch.zeros_like(x), torch.zeros_like(x)
    for _ in range(_VOICES):
        order = torch.randperm(len(sizes), generator=generator, device=x.device)
        other, phase = gain * own(sizes[order]), 2 * pi * _uniform(x, generator)
        real, imaginary = real + other * phase.cos(), imaginary + other * phase.sin()
    return real, imaginary


def amplitude(x: Tensor) -> Tensor:
    """Give the size of each number of a spectrum, in units of the root of the spectrogram's floor; see `rician`."""
    return (10**x - 1).clamp_min(0).sqrt()


def with_noise(x: Tensor, noise: Noise) -> Tensor:
    """Give the spectrogram of the sound that `x` is of, and of noise."""
    real, imaginary = amplitude(x) + noise[0], noise[1]
    return torch.log10(1 + real.square() + imaginary.square())


def in_phase(x: Tensor, noise: Noise) -> Tensor:
    """Give the spectrogram of what of a sound has the phase that it has with noise: less where the noise turns it.

    These are the amplitudes that, with the noisy phases, come nearest to the sound.
    Source: Erdogan et al. 2015, "Phase-sensitive and recognition-boosted speech separation using deep recurrent neural
    networks", equation 5.
    """
    clean = amplitude(x)
    real, imaginary = clean + noise[0], noise[1]
    size = (real.square() + imaginary.square()).sqrt().clamp_min(_LEAST)
    return torch.log10(1 + (clean * real.clamp_min(0) / size).square())


def masked(x: Tensor, logits: Tensor) -> Tensor:
    """Give the spectrogram whose amplitudes are those of `x` times the logistic function of numbers of its shape.

    Source: Wang, Narayanan & Wang 2014, "On training targets for supervised speech separation".
    """
    return torch.log10(1 + logits.sigmoid().square() * (10**x - 1).clamp_min(0))


#: The noise of corruptions of spectrograms: its part that has the sound's phase, and that across it.
SPECTRAL: dict[Corruption, Callable[[Tensor, Level, torch.Generator], Noise]] = {"rician": _hiss, "babble": _voices}
#: Each corruption and the level that it has unless another is given.
CORRUPTIONS: dict[Corruption, tuple[Callable[[Tensor, Level, torch.Generator], Tensor], float]] = {
    "gaussian": (gaussian, 0.2),
    "masking": (masking, 0.25),
    "salt_and_pepper": (salt_and_pepper, 0.25),
    "additive": (additive, 10.0),
    "drop_out": (drop_out, 0.25),
    "warp": (warp, 0.1),
    "rician": (rician, 10.0),
    "babble": (babble, 0.0),
}
#: Those whose level is a share.
SHARES: frozenset[Corruption] = frozenset({"masking", "salt_and_pepper", "drop_out"})
#: Those whose level is in dB: of the rows above the noise, and of the noise.
DECIBELS: dict[Corruption, int] = {"additive": -1, "rician": 1, "babble": 1}
#: Those for images (channels, height, width) alone.
OF_IMAGES: frozenset[Corruption] = frozenset({"warp"})
#: Those that make noise of a batch's other rows.
OF_ROWS: frozenset[Corruption] = frozenset({"babble"})


def louder(corruption: Corruption, level: float, amplitude: float) -> float:
    """Give the level that makes noise so many times as strong: of dB less or more, of a share at most 0.95."""
    if corruption in DECIBELS:
        return level + DECIBELS[corruption] * 20 * log10(amplitude)
    return min(level * amplitude, LARGEST_SHARE) if corruption in SHARES else level * amplitude


def spread_out(corruption: Corruption, level: float, decibels: float, x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a level for each row of `x`, up to so many dB weaker or stronger; see `louder`."""
    chance = drawn(torch.rand, (len(x),), generator=generator, device=x.device, dtype=x.dtype)
    away = decibels * (2 * chance - 1)
    if corruption in DECIBELS:
        levels = level + away
    else:
        levels = (level * 10 ** (away / 20)).clamp_max(LARGEST_SHARE if corruption in SHARES else torch.inf)
    return levels.view(-1, *[1] * (x.dim() - 1))


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    return drawn(torch.randn, x.shape, generator=generator, device=x.device, dtype=x.dtype)


def _uniform(x: Tensor, generator: torch.Generator) -> Tensor:
    return drawn(torch.rand, x.shape, generator=generator, device=x.device, dtype=x.dtype)
