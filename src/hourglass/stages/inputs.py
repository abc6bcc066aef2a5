"""What training reads: the rows of a data set, and which of them a variant can't be trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Self

import torch
from torch import Tensor

from hourglass import models
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.models.shared.variant import Variant
from hourglass.params import Params
from hourglass.runtime.normaliser import Normaliser, normalise
from hourglass.settings import AUTO
from hourglass.training import devices
from hourglass.training.loop import EVALUATION_ROWS
from hourglass.training.source import Source
from hourglass.training.stream import OnDisk, opened

#: Forms of sound that are no waveform, and augmentations that mean something of waveforms alone.
_SPECTRA, _OF_WAVEFORMS = ("spectrogram", "logmel"), ("scale", "invert")


@dataclass(frozen=True)
class Inputs:
    """What training reads: rows, and the shape of one."""

    train: Source
    validation: Source
    shape: tuple[int, ...]
    known: int
    known_shape: tuple[int, ...]
    categories: tuple[tuple[int, int], ...]
    embedded: tuple[tuple[int, int], ...]
    are_spectra: bool

    @classmethod
    def of(cls, dataset: Dataset, device: torch.device, memory: int) -> Self:
        """Read a data set, within so many bytes of memory."""
        train, validation = (rows_of(dataset, split, device, memory) for split in ("train", "validation"))
        shape, schema = tuple(dataset.info["shape"]), dataset.schema
        known = dataset.known, dataset.known_shape
        are_spectra = schema.config().get("form") in _SPECTRA
        return cls(train, validation, shape, *known, schema.categories, schema.embedded, are_spectra)

    def description(self) -> dict[str, Any]:
        """Describe what a row is."""
        return {
            "shape": list(self.shape),
            "known": self.known,
            "known_shape": list(self.known_shape),
            "categories": [list(ends) for ends in self.categories],
            "embedded": [list(ends) for ends in self.embedded],
        }

    def build(self, variant: str, settings: dict[str, Any], seed: int) -> Variant:
        """Make the untrained net for such rows."""
        beside: dict[str, Any] = {"known": self.known, "known_shape": self.known_shape}
        beside |= {"categories": self.categories, "embedded": self.embedded}
        return models.build(variant, self.shape, settings, seed=seed, **beside)


def require_trainable(inputs: Inputs, params: Params, variant: str) -> None:
    """Refuse data that a variant can't be trained on under its settings."""
    settings = params.settings_of(variant)
    if settings["latent"] == AUTO:
        settings = settings | {"latent": models.get(variant).narrowest(settings)}
    model = inputs.build(variant, settings, params.seed)
    check(variant, settings, model, inputs, params.train.augment or ())


def rows_of(dataset: Dataset, split: str, device: torch.device, memory: int) -> Source:
    """Load a split's rows onto a device and normalise them there, or stream them where they take too much memory."""
    rows = OnDisk(
        rows=dataset.count(split),
        shape=tuple(dataset.info["shape"]),
        known=dataset.known,
        read=lambda start, stop: dataset.read(split, start, stop),
        normalise=normalising(dataset.normaliser, device),
        device=device,
    )
    return opened(rows, devices.memory(device, memory))


def normalising(normaliser: Normaliser, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Give the map of rows of float64 on a device; curves and fillings are numpy's."""
    if not normaliser.is_affine:
        return lambda x: torch.from_numpy(normaliser(x.cpu().numpy())).to(device)
    offset, scale = (
        torch.tensor(part, dtype=torch.float64, device=device) for part in (normaliser.offset, normaliser.scale)
    )
    return lambda x: normalise(x, offset, scale)


def check_augment(names: Sequence[str], *, are_spectra: bool) -> None:
    """Refuse what is done to waveforms where rows are spectra, which no sound would have then."""
    for name in names:
        if are_spectra and name in _OF_WAVEFORMS:
            raise HourglassError(
                f"params.yaml: train.augment names {name!r}, which is for signals and waveforms; these rows are "
                "spectra. Take it out, or take of shift, noise, or set data.audio.form: waveform."
            )


def check(variant: str, settings: dict[str, Any], model: Variant, inputs: Inputs, augment: Sequence[str]) -> None:
    """Refuse data that the variant can't be trained on, or not with such augmentations."""
    check_augment(augment, are_spectra=inputs.are_spectra)
    if model.conditional and not inputs.known:
        raise HourglassError(
            f"params.yaml: {variant} is told what is known of a row, and data.condition names no column. Name the "
            "label or columns of a table (`hourglass data ... --condition COL`), or take the variant out of `variants`."
        )
    support = model.likelihood.support
    if support == (-inf, inf):
        return
    low, high = _range(inputs.train)
    if low < support[0] or high > support[1]:
        raise HourglassError(
            f"params.yaml: {variant}.likelihood {settings['likelihood']!r} needs values from {support[0]:g} to "
            f"{support[1]:g}; the normalised data goes from {low:.3g} to {high:.3g}. Set data.normalise: minmax or "
            "another likelihood."
        )


def _range(rows: Source) -> tuple[float, float]:
    ends = [batch.target.aminmax() for batch in rows.in_order(EVALUATION_ROWS)]
    return min(low.item() for low, _ in ends), max(high.item() for _, high in ends)
