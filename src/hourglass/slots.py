"""Which GPU a training may use: one lease per training, held by a lock that the kernel releases with its holder."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hourglass.locks import locked_on_machine

#: Names of the limits that `hourglass deploy` creates.
CPU, GPU = "hourglass-cpu", "hourglass-gpu"

_PAUSE_SECONDS = 1.0


def gpus() -> tuple[str, ...]:
    """List this machine's GPUs as ``CUDA_VISIBLE_DEVICES`` names them; where that is set, those that it names.

    torch is not asked: it takes a second to import, and the flow needs it for nothing else.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(name for name in map(str.strip, chosen.split(",")) if name and name != "-1")
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(listed.stdout.split())


@contextmanager
def leased(devices: tuple[str, ...], on_wait: Callable[[], object]) -> Iterator[str]:
    """Hold one of several GPUs; wait for one where others hold all.

    Parameters
    ----------
    devices : tuple of str
        What to choose from, see `gpus`.
    on_wait : callable
        Called once if all are taken.

    Yields
    ------
    str
        The one that is held.
    """
    told = False
    while True:
        for device in devices:
            with locked_on_machine(f"GPU {device}") as mine:
                if mine:
                    yield device
                    return
        if not told:
            on_wait()
            told = True
        time.sleep(_PAUSE_SECONDS)
