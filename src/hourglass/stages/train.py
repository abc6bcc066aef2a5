"""``train@V``: the training split becomes weights."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file

from hourglass import models, pipeline
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.files import write_json
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.outputs import MODEL, WEIGHTS
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.mirror import mirrored
from hourglass.registry.tracking import Training
from hourglass.runtime.normaliser import normalise
from hourglass.settings import AUTO
from hourglass.stages.guard import run_guarded
from hourglass.stages.progress import EpochProgress
from hourglass.training import devices
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.widths import choose

#: Where widths are tried, in the folder that the stage works in.
_WIDTHS = "widths"


@dataclass(frozen=True)
class Inputs:
    """What training reads: rows on the device, and the shape of one."""

    train: Batch
    validation: Batch
    shape: tuple[int, ...]
    known: int
    known_shape: tuple[int, ...]
    categories: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, dataset: Dataset, device: torch.device) -> Self:
        """Read a data set."""
        train, validation = (rows_on(device, dataset, split) for split in ("train", "validation"))
        shape, categories = tuple(dataset.info["shape"]), dataset.schema.categories
        return cls(train, validation, shape, dataset.known, dataset.known_shape, categories)

    def build(self, variant: str, settings: dict[str, Any], seed: int) -> Variant:
        """Make the untrained net for such rows."""
        beside: dict[str, Any] = {"known": self.known, "known_shape": self.known_shape}
        return models.build(variant, self.shape, settings, seed=seed, categories=self.categories, **beside)


def run(project: Project, params: Params, variant: str) -> None:
    """Run the stage for one variant."""
    settings = params.settings_of(variant)
    device = devices.resolve(params.train.device)
    devices.configure(params.train.threads)
    fingerprint = devices.fingerprint(device, params.train.threads)
    stage = f"train@{variant}"

    def read() -> Inputs:
        return Inputs.of(Dataset(project.dataset), device)

    def watch(latent: int, epochs: int) -> EpochProgress:
        return EpochProgress(f"{variant} with latent {latent}", epochs)

    def work(inputs: Inputs, folder: Path) -> None:
        def build(latent: int) -> Variant:
            return inputs.build(variant, settings | {"latent": latent}, params.seed).to(device)

        rows: dict[str, Any] = {"train": inputs.train, "validation": inputs.validation}
        rows |= {"settings": params.train, "seed": params.seed}
        narrowest = models.get(variant).narrowest(settings)
        latent, widths = settings["latent"], None
        _check(variant, settings, build(narrowest if latent == AUTO else latent), inputs)
        training = Training(variant, pipeline.inputs(project, stage), fingerprint)
        with mirrored(project, params.registry.name, training, folder / METRICS_FILE):
            if latent == AUTO:
                ends: dict[str, Any] = {"narrowest": narrowest, "widest": models.get(variant).widest(settings)}
                widths = choose(build, **rows, **ends, folder=folder / _WIDTHS, watch=watch)
                latent = widths.chosen
            model = build(latent)
            with EpochProgress(variant, params.train.epochs * len(model.courses())) as show:
                courses = fit(model, **rows, folder=folder, on_epoch=show)
        shutil.rmtree(folder / _WIDTHS, ignore_errors=True)
        save_file({name: value.cpu().contiguous() for name, value in model.state_dict().items()}, folder / WEIGHTS)
        description = {
            "variant": variant,
            "shape": list(inputs.shape),
            "settings": settings | {"latent": latent},
            "widths": widths and asdict(widths),
            "known": inputs.known,
            "known_shape": list(inputs.known_shape),
            "categories": [list(ends) for ends in inputs.categories],
            "seed": params.seed,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "courses": [asdict(course) for course in courses],
            "fingerprint": fingerprint,
        }
        write_json(folder / MODEL, description)

    run_guarded(
        project,
        stage,
        project.output("train", variant),
        read=read,
        work=work,
        fingerprint=fingerprint,
        resumable=True,
    )


def rows_on(device: torch.device, dataset: Dataset, split: str) -> Batch:
    """Load a split's rows onto a device and normalise them there."""
    rows = dataset.rows(split)
    to = {"device": device, "dtype": torch.float64}
    offset, scale = (torch.tensor(part, **to) for part in (dataset.normaliser.offset, dataset.normaliser.scale))  # type: ignore[arg-type]
    x = normalise(torch.tensor(rows.x, **to), offset, scale).to(torch.float32)  # type: ignore[arg-type]
    label, index, condition = (
        torch.tensor(column, device=device) for column in (rows.label, rows.index, rows.condition)
    )
    return Batch(x=x, condition=condition if dataset.known else None, target=x, label=label, index=index)


def _check(variant: str, settings: dict[str, Any], model: Variant, inputs: Inputs) -> None:
    """Refuse data that the variant can't be trained on."""
    if model.conditional and not inputs.known:
        raise HourglassError(
            f"params.yaml: {variant} is told what is known of a row, and data.condition names no column. Name the "
            "label or columns of a table (`hourglass data ... --condition COL`), or take the variant out of `variants`."
        )
    low, high = inputs.train.target.min().item(), inputs.train.target.max().item()
    support = model.likelihood.support
    if low < support[0] or high > support[1]:
        raise HourglassError(
            f"params.yaml: {variant}.likelihood {settings['likelihood']!r} needs values from {support[0]:g} to "
            f"{support[1]:g}; the normalised data goes from {low:.3g} to {high:.3g}. Set data.normalise: minmax or "
            "another likelihood."
        )
