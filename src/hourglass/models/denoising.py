"""The denoising autoencoder."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Annotated, Any

from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import (
    CORRUPTIONS,
    DECIBELS,
    LARGEST_SHARE,
    OF_IMAGES,
    OF_ROWS,
    SHARES,
    SPECTRAL,
    Corruption,
    Level,
    amplitude,
    in_phase,
    masked,
    spread_out,
    with_noise,
)
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting

#: Decades of power above the floor that amplitudes are told apart in; the least power under a root, by the floor.
_DECADES, _SOFT = 8.0, 1e-3


class Denoising(Variant):
    """Sees corrupted rows in training and rebuilds the clean ones.

    Source: Vincent et al. 2010, "Stacked denoising autoencoders", section 3.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        corruption: Annotated[Corruption, Setting("what is done to the rows")] = "gaussian",
        level: Annotated[
            float | None,
            Setting(
                "standard deviation (gaussian; warp: in sides of the image), dB (additive, rician, babble) or share of "
                "the values; null: moderate",
                ge=-60,
                le=120,
            ),
        ] = None,
        spread: Annotated[
            float, Setting("dB by which the level differs from row to row, at most; only in training", ge=0, le=60)
        ] = 0.0,
        amplitude: Annotated[
            float,
            Setting(
                "of rician and babble: weight of the squared error of amplitudes, which are then those that go with "
                "the noisy phases; 0: the spectra's logarithms alone count",
                ge=0,
                le=1000,
            ),
        ] = 0.0,
        mask: Annotated[
            bool,
            Setting(
                "with amplitude: whether rows are rebuilt by weighing each amplitude that came in, so that only the "
                "weights have to pass the code"
            ),
        ] = False,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.name, self.spread, self.amplitude = corruption, spread, amplitude
        self.corruption, usual = CORRUPTIONS[corruption]
        self.level = usual if level is None else level
        self.couples_rows = corruption in OF_ROWS
        _require_spectra(corruption, amplitude)
        _require_images(corruption, self.shape)
        _require_amplitudes(mask, amplitude, settings.get("likelihood", "mse"))
        _require_level(corruption, self.level)
        #: From codes to the weights, as logits; None: rows are what codes are decoded into.
        self.mask = deepcopy(self.decoder) if mask else None

    def rebuild(self, x: Tensor, z: Tensor, *known: Tensor) -> Tensor:
        """Give rows by their codes, where there is a mask by what came in, too."""
        return self.likelihood.mean(self._output(x, z))

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z)`` of the code of corrupted rows; in evaluation that of clean rows beside it."""
        level: Level = self.level
        if self.training and self.spread:
            level = spread_out(self.name, self.level, self.spread, batch.x, context.generator)
        if self.amplitude:
            noise = SPECTRAL[self.name](batch.x, level, context.generator)
            terms = self._heard(with_noise(batch.x, noise), in_phase(batch.target, noise))
        else:
            terms = {
                "reconstruction": Term(self._nll(self.corruption(batch.x, level, context.generator), batch.target))
            }
        return terms if self.training else terms | {"clean": Term(self._nll(batch.x, batch.target), 0.0)}

    def _heard(self, noisy: Tensor, target: Tensor) -> dict[str, Term]:
        """Weigh amplitudes beside spectra, so that what is loud counts by how loud it is."""
        z = self.encode(noisy)["z"]
        output = self._output(noisy, z)
        power = 10 ** self.likelihood.mean(output).clamp(0, _DECADES) - 1
        away = (power + _SOFT).sqrt() - amplitude(target)  # the root's slope is bounded at 0
        terms = {
            "reconstruction": Term(self.likelihood.nll(output, target)),
            "amplitude": Term(away.square().flatten(1).sum(1), self.amplitude),
        }
        if self.mask is not None:  # the decoder shows what codes hold, and shapes none
            terms["decoded"] = Term(self.likelihood.nll(self.decoder(z.detach()), target))
        return terms

    def _nll(self, x: Tensor, target: Tensor) -> Tensor:
        return self.likelihood.nll(self._output(x, self.encode(x)["z"]), target)

    def _output(self, x: Tensor, z: Tensor) -> Tensor:
        return self.decoder(z) if self.mask is None else masked(x[:, None], self.mask(z))


def _require_spectra(corruption: Corruption, amplitude: float) -> None:
    if amplitude and corruption not in SPECTRAL:
        raise HourglassError(
            f"params.yaml: denoising.amplitude is {amplitude:g}, and corruption {corruption!r} isn't for "
            "spectrograms; set corruption: rician or babble, or leave amplitude out."
        )


def _require_images(corruption: Corruption, shape: Sequence[int]) -> None:
    if corruption in OF_IMAGES and len(shape) != 3:
        raise HourglassError(
            f"params.yaml: denoising.corruption {corruption!r} is for images (channels, height, width), and a row "
            f"has the shape {shape}; take another."
        )


def _require_amplitudes(mask: bool, amplitude: float, likelihood: str) -> None:
    if mask and not (amplitude and likelihood == "mse"):
        raise HourglassError(
            "params.yaml: denoising.mask weighs the amplitudes of spectrograms; set denoising.amplitude above 0 "
            "and likelihood: mse, or leave mask out."
        )


def _require_level(corruption: Corruption, level: float) -> None:
    if corruption in DECIBELS:
        return
    is_share = corruption in SHARES
    if not 0 < level <= (LARGEST_SHARE if is_share else 120):
        expected = f"a share of the values, above 0 and up to {LARGEST_SHARE}" if is_share else "a number above 0"
        raise HourglassError(f"params.yaml: denoising.level is {level:g}; {corruption} takes {expected}.")
