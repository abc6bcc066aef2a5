"""Which GPUs a training may use: leases that are locks, which the kernel releases with their holder."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from hourglass.errors import HourglassError
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


def require(devices: tuple[str, ...], count: int) -> None:
    """Refuse to wait for more GPUs than there are.

    Raises
    ------
    HourglassError
        There are fewer than `count`.
    """
    if len(devices) < count:
        raise HourglassError(
            f"params.yaml: train.devices is {count}, and this machine has {len(devices)} GPU(s); set train.devices: "
            f"{len(devices)}, or train.device: cpu."
        )


@contextmanager
def leased(devices: tuple[str, ...], on_wait: Callable[[], object], count: int = 1) -> Iterator[str]:
    """Hold some of several GPUs; wait where others hold too many. Nobody waits with a part of what it needs.

    Parameters
    ----------
    devices : tuple of str
        What to choose from, see `gpus`.
    on_wait : callable
        Called once if too many are taken.
    count : int
        How many are needed.

    Yields
    ------
    str
        Those that are held, as ``CUDA_VISIBLE_DEVICES`` names them.

    Raises
    ------
    HourglassError
        There are fewer than needed.
    """
    require(devices, count)
    told = False
    while True:
        with ExitStack() as held:
            mine: list[str] = []
            for device in devices:
                if len(mine) < count and held.enter_context(locked_on_machine(f"GPU {device}")):
                    mine.append(device)
            if len(mine) == count:
                yield ",".join(mine)
                return
        if not told:
            on_wait()
            told = True
        time.sleep(_PAUSE_SECONDS)
