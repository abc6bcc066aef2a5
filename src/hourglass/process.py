"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5


def die_with_parent(parent: int | None = None) -> None:
    """End this process when its parent ends.

    Parameters
    ----------
    parent : int, optional
        The process that started this one; if it is gone already, this one ends at once. By default the present parent.
    """
    parent = os.getppid() if parent is None else parent
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel knew
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_poll, args=(parent,), daemon=True).start()


def adopted() -> bool:
    """Tell whether the parent that started this process is gone: who adopts an orphan is of another process group."""
    try:
        return os.getpgid(os.getppid()) != os.getpgrp()
    except OSError:
        return True


def child_command(module: str, *arguments: str) -> list[str]:
    """Give the command that runs ``python -m MODULE ARGUMENTS`` as a child that ends with this process.

    On Linux it also ends with the thread that starts it, so that thread has to wait for it.
    """
    return [sys.executable, "-m", "hourglass.process", str(os.getpid()), module, *arguments]


def _poll(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _main() -> None:
    parent, module, *arguments = sys.argv[1:]
    die_with_parent(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
