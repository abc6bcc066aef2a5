"""``train@V``: the training split becomes weights."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from hourglass import models, pipeline
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.files import write_json
from hourglass.models.shared import sharing, weights
from hourglass.models.shared.variant import Variant
from hourglass.outputs import MODEL, WEIGHTS, member_folder
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.mirror import mirrored
from hourglass.registry.tracking import Training
from hourglass.runtime.normaliser import Normaliser, normalise
from hourglass.settings import AUTO
from hourglass.stages import torchrun
from hourglass.stages.guard import run_guarded
from hourglass.stages.progress import EpochProgress
from hourglass.training import devices
from hourglass.training.checkpoint import Finished
from hourglass.training.ensemble import TRAINED_FILE, Member, fit_members
from hourglass.training.loop import EVALUATION_ROWS, METRICS_FILE
from hourglass.training.source import Source
from hourglass.training.stream import OnDisk, opened
from hourglass.training.widths import choose, ends

#: Where widths are tried, in the folder that the stage works in.
_WIDTHS = "widths"
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


def run(project: Project, params: Params, variant: str) -> None:
    """Run the stage for one variant."""
    count = params.train.devices
    device = devices.resolve(params.train.device, count)
    devices.configure(params.train)
    fingerprint = devices.fingerprint(device, params.train.threads, count)
    stage = f"train@{variant}"

    def read() -> Inputs | None:
        return Inputs.of(Dataset(project.dataset), device, params.data.memory) if count == 1 else None

    def work(inputs: Inputs | None, folder: Path) -> None:
        if inputs is not None:
            require_trainable(inputs, params, variant)
        training = Training(variant, pipeline.inputs(project, stage), fingerprint)
        with mirrored(project, params.registry.name, training, folder / METRICS_FILE):
            if inputs is None:
                torchrun.train(project, params, variant, folder)
            else:
                train(inputs, params, variant, device, folder)

    run_guarded(
        project,
        stage,
        project.output("train", variant),
        read=read,
        work=work,
        fingerprint=fingerprint,
        resumable=True,
    )


def train(inputs: Inputs, params: Params, variant: str, device: torch.device, folder: Path) -> None:
    """Train a variant and write what comes of it into a folder.

    Parameters
    ----------
    inputs : Inputs
    params : Params
    variant : str
    device : device
        Of the rows.
    folder : Path
        Where a killed training has left its checkpoint. Of processes that train together the first one writes.
    """
    settings = params.settings_of(variant)

    def build(latent: int, seed: int = params.seed) -> Variant:
        return inputs.build(variant, settings | {"latent": latent}, seed).to(device)

    def watch(latent: int, epochs: int) -> EpochProgress:
        return EpochProgress(f"{variant} with latent {latent}", epochs)

    rows: dict[str, Any] = {"train": inputs.train, "validation": inputs.validation}
    rows |= {"settings": params.train, "seed": params.seed}
    latent, widths = settings["latent"], None
    if latent == AUTO:
        between = ends(models.get(variant), settings)
        widths = choose(build, **rows, **between, folder=folder / _WIDTHS, watch=watch)
        latent = widths.chosen
    members = [
        Member(build(latent, seed), seed, member_folder(folder, number))
        for number, seed in enumerate(range(params.seed, params.seed + params.train.ensemble), start=1)
    ]
    courses = len(members[0].model.courses())
    title = variant if len(members) == 1 else f"{variant}, {len(members)} members"
    with EpochProgress(title, params.train.epochs * courses) as show:
        finished = fit_members(members, inputs.train, inputs.validation, params.train, on_epoch=show)
    if sharing.number() > 0:
        return
    shutil.rmtree(folder / _WIDTHS, ignore_errors=True)
    for member in members:
        _write_weights(member)
    description = {
        "variant": variant,
        "settings": settings | {"latent": latent},
        "widths": widths and asdict(widths),
        "fingerprint": devices.fingerprint(device, params.train.threads, sharing.processes()),
    }
    write_json(folder / MODEL, description | inputs.description() | _of_members(members, finished))


def _of_members(members: Sequence[Member], finished: Sequence[list[Finished]]) -> dict[str, Any]:
    """Describe how each member's training went; the first stands for a net alone."""
    described: list[dict[str, Any]] = [
        {"seed": member.seed, "courses": [asdict(course) for course in courses]}
        for member, courses in zip(members, finished, strict=True)
    ]
    first, *others = described
    parameters = sum(parameter.numel() for parameter in members[0].model.parameters())
    return first | {"parameters": parameters} | ({"others": others} if others else {})


def _write_weights(member: Member) -> None:
    weights.save(member.model, member.folder / WEIGHTS)
    (member.folder / TRAINED_FILE).unlink()


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
