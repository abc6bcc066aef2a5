"""A training on several devices: a process for each, started by torchrun, of which the first writes.

The stage waits for torchrun, which ends with it, and the processes end with torchrun; where one fails, torchrun ends
the others.
"""

import os
import subprocess
import sys
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path

from hourglass import params as settings
from hourglass import unpickling
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.files import write_text
from hourglass.models.shared import sharing
from hourglass.params import Params
from hourglass.process import child_command, die_with_parent
from hourglass.project import Project
from hourglass.stages import fitting
from hourglass.stages.inputs import Inputs, require_trainable
from hourglass.training import devices

#: Where a process says why it doesn't go on, in the folder of the training; the guard sweeps it away.
_PROBLEM = ".problem"


def train(project: Project, params: Params, variant: str, folder: Path) -> None:
    """Have as many processes as ``train.devices`` train a variant and write what comes of it into a folder.

    Raises
    ------
    HourglassError
        One of them failed.
    """
    problem = folder / _PROBLEM
    problem.unlink(missing_ok=True)
    torchrun = ["--standalone", f"--nproc-per-node={params.train.devices}", "-m", __name__]
    command = child_command(__name__, *torchrun, str(project.root), variant, str(folder))
    environment = {"OMP_NUM_THREADS": str(params.train.threads)}
    done = subprocess.run(command, env=os.environ | environment, check=False)  # noqa: S603
    if not done.returncode:
        return
    if problem.exists():
        raise HourglassError(problem.read_text(encoding="utf-8"))
    raise HourglassError(
        f"a process of the training of {variant} on {params.train.devices} devices ended before it was done; its last "
        "words are above. Run it again: it goes on from its checkpoint."
    )


def _launch(arguments: list[str]) -> None:
    """Be torchrun, without its traceback of a failure: the processes have their own."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        run.run(run.parse_args(arguments))  # type: ignore[no-untyped-call]
    except ChildFailedError:
        sys.exit(1)


def _join(root: str, variant: str, folder: str) -> None:
    """Be one of the processes."""
    die_with_parent()
    project = Project.find(Path(root))
    params = settings.load(project.params_file)
    devices.configure(params.train)
    try:
        with devices.joined(devices.resolve(params.train.device, params.train.devices)) as device:
            with unpickling.refused():
                inputs = Inputs.of(Dataset(project.dataset), device, params.data.memory)
            require_trainable(inputs, params, variant)
            with redirect_stdout(StringIO()) if sharing.number() else nullcontext():
                fitting.train(inputs, params, variant, device, Path(folder))
    except HourglassError as problem:
        write_text(Path(folder) / _PROBLEM, str(problem))
        sys.exit(1)


if __name__ == "__main__":
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _join(*sys.argv[1:])
    else:
        _launch(sys.argv[1:])
