"""``package@V``: weights become the folder that is registered."""

from pathlib import Path

import torch

from hourglass.data.dataset import Dataset
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import promise
from hourglass.registry.package import package
from hourglass.registry.trained import Trained
from hourglass.stages.guard import run_guarded


def run(project: Project, params: Params, variant: str) -> None:
    """Run the stage for one variant."""
    torch.set_num_threads(1)  # the prior's codes and the parity check give the same bits however many cores there are

    def read() -> tuple[Trained, Dataset]:
        return Trained.read(project.output("train", variant)), Dataset(project.dataset)

    def work(inputs: tuple[Trained, Dataset], folder: Path) -> None:
        alpha, settings = promise.alpha_of(params.anomaly, inputs[1].schema), params.anomaly
        package(*inputs, alpha, folder, calibrated_on=settings.calibrated_on, score=settings.score)

    run_guarded(project, f"package@{variant}", project.output("package", variant), read=read, work=work)
