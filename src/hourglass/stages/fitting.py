"""The training of one variant: its width where that is left to it, then its members, then their weights on disk."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from hourglass import models
from hourglass.files import write_json
from hourglass.models.shared import sharing, weights
from hourglass.models.shared.variant import Variant
from hourglass.outputs import MODEL, WEIGHTS, member_folder
from hourglass.params import Params
from hourglass.settings import AUTO
from hourglass.stages.inputs import Inputs
from hourglass.stages.progress import EpochProgress
from hourglass.training import devices
from hourglass.training.checkpoint import Finished
from hourglass.training.ensemble import TRAINED_FILE, Member, fit_members
from hourglass.training.settings import TrainSettings
from hourglass.training.widths import Widths, choose, ends

#: Where widths are tried, in the folder that the stage works in.
_WIDTHS = "widths"


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

    widths = _widths(build, inputs, params, variant, folder) if settings["latent"] == AUTO else None
    latent = settings["latent"] if widths is None else widths.chosen
    seeds = range(params.seed, params.seed + params.train.ensemble)
    members = [
        Member(build(latent, seed), seed, member_folder(folder, number)) for number, seed in enumerate(seeds, start=1)
    ]
    finished = _fitted(members, inputs, params.train, variant)
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


def _widths(build: Callable[[int], Variant], inputs: Inputs, params: Params, variant: str, folder: Path) -> Widths:
    """Try widths of the code, and choose one."""
    return choose(
        build,
        inputs.train,
        inputs.validation,
        params.train,
        **ends(models.get(variant), params.settings_of(variant)),
        seed=params.seed,
        folder=folder / _WIDTHS,
        watch=lambda latent, epochs: EpochProgress(f"{variant} with latent {latent}", epochs),
    )


def _fitted(members: Sequence[Member], inputs: Inputs, settings: TrainSettings, variant: str) -> list[list[Finished]]:
    """Train all members, and show the epochs."""
    title = variant if len(members) == 1 else f"{variant}, {len(members)} members"
    with EpochProgress(title, settings.epochs * len(members[0].model.courses())) as show:
        return fit_members(members, inputs.train, inputs.validation, settings, on_epoch=show)


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
