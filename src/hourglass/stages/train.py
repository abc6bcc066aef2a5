"""``train@V``: the training split becomes weights."""

from pathlib import Path

from hourglass import pipeline
from hourglass.data.dataset import Dataset
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.mirror import mirrored
from hourglass.registry.tracking import Training
from hourglass.stages import torchrun
from hourglass.stages.fitting import train
from hourglass.stages.guard import run_guarded
from hourglass.stages.inputs import Inputs, require_trainable
from hourglass.training import devices
from hourglass.training.loop import METRICS_FILE


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
