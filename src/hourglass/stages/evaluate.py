"""``evaluate@V``: a package is measured through the runtime that serves it."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from hourglass.data.dataset import Dataset
from hourglass.evaluation.evaluate import evaluate
from hourglass.files import write_json
from hourglass.outputs import ARRAYS, EVALUATION
from hourglass.params import Params
from hourglass.project import Project
from hourglass.runtime import Model
from hourglass.stages.guard import run_guarded


def run(project: Project, params: Params, variant: str) -> None:
    """Run the stage for one variant."""
    torch.set_num_threads(1)  # the untrained net, as PCA below, gives the same bits however many cores there are

    def read() -> tuple[Model, Dataset]:
        return Model(project.output("package", variant)), Dataset(project.dataset)

    def work(inputs: tuple[Model, Dataset], folder: Path) -> None:
        with threadpool_limits(1, user_api="blas"):
            found, arrays = evaluate(*inputs, params.evaluate, seed=params.seed)
        write_json(folder / EVALUATION, found)
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, folder / ARRAYS)

    run_guarded(project, f"evaluate@{variant}", project.output("evaluate", variant), read=read, work=work)
